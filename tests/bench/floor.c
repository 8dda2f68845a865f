/* The least that a step entrypoint can do: wait for a file, run a command, post. The bench holds the
 * others against it. It checks nothing and is no entrypoint to use. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

static char *flag(char **words, const char *name)
{
    for (; *words && strcmp(*words, "--") != 0; words++)
        if (strcmp(*words, name) == 0)
            return words[1];
    return NULL;
}

static void await_file(const char *path)
{
    char folder[PATH_MAX], events[4096];
    int watch = inotify_init1(IN_CLOEXEC);
    snprintf(folder, sizeof folder, "%s", path);
    inotify_add_watch(watch, dirname(folder), IN_CREATE | IN_MOVED_TO);
    while (access(path, F_OK) != 0)
        if (read(watch, events, sizeof events) < 0)
            exit(1);
    /* Not closed: the kernel takes 10 ms and more to take a watch away. It ends with the process, after
     * the post. */
}

static int run(char *command, char **words)
{
    int status = 0;
    while (*words && strcmp(*words, "--") != 0)
        words++;
    if (!*words)
        words--;
    words[0] = command;
    pid_t child = fork();
    if (child == 0) {
        execvp(command, words);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int count, char **words)
{
    char *wait_file = flag(words, "-wait_file");
    char *post_file = flag(words, "-post_file");
    char *command = flag(words, "-entrypoint");
    (void)count;
    if (wait_file)
        await_file(wait_file);
    int code = command ? run(command, words) : 2;
    if (post_file)
        close(open(post_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    return code;
}
