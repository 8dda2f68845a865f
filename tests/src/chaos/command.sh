# What every step of a chaos run runs. It tells of its begin and its end in the one log, and holds the
# one bench, so that two commands at once are seen whoever they are.
say() {
    read -r up _ </proc/uptime
    echo "$up $1 $STEP ${2-}" >>"$CHAOS_LOG"
}

exec 9>>"$CHAOS_BENCH"
if ! flock -n 9; then
    say beside
    flock -w 5 9
    say alone
fi
say begin
number=0
for post in $CHAOS_EARLIER; do
    if [ ! -e "$post" ] && [ ! -e "$post.err" ]; then
        if [ -e "$post.alive" ]; then say open $number; else say absent $number; fi
    fi
    number=$((number + 1))
done
if [ -n "${post-}" ] && [ -e "$post.err" ] && [ ! -e "$post" ]; then say after-failure; fi

code=0
case $1 in
exit) code=$2 ;;
sleep) sleep "$(printf '0.%03d' "$2")" 9>&- ;;
stubborn)
    trap '' TERM INT QUIT
    for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1 9>&-; done
    ;;
children)
    case $2 in
    0) sleep 60 9>&- & ;;
    *) setsid sleep 60 9>&- & ;;
    esac
    ;;
result) head -c "$2" /dev/zero 9>&- | tr '\0' x 9>&- >"$CHAOS_RESULTS/r" ;;
killed)
    kill -"$2" $$
    sleep 1 9>&-
    ;;
esac
say end $code
exit $code
