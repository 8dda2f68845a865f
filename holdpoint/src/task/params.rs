//! The parameters of a task: declared, given by the TaskRun or with `-p`, checked.

use super::fields::{Fields, Notes};
use super::problem::{Checked, Problem, choice, suggestion};
use super::schema;
use super::yaml::{Entry, Node, Value as Yaml};

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Array(Vec<String>),
    Object(Vec<(String, String)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    String,
    Array,
    Object,
}

/// What a task says of a parameter.
#[derive(Debug)]
struct Declaration {
    name: String,
    line: usize,
    kind: Type,
    default: Option<Value>,
    /// The only values it may have; all where empty.
    choices: Vec<String>,
    /// The keys that an object must have.
    keys: Vec<String>,
}

/// The values that a TaskRun gives.
#[derive(Debug, Default)]
pub(super) struct Given<'a> {
    pub(super) values: &'a [Node],
    /// Whether it brings its Task along; then a value declares its parameter.
    pub(super) declares: bool,
}

/// The parameters of a task, each with its value.
#[derive(Debug, Default)]
pub(super) struct Params {
    values: Vec<(String, Value)>,
}

impl Params {
    /// The values: `-p` first, then the TaskRun's, then the defaults.
    ///
    /// # Errors
    /// A declaration is wrong, a value missing, unknown, or not what was declared.
    pub(super) fn resolve(
        task: &Fields<'_>,
        run: &Given<'_>,
        typed: &[(String, String)],
        notes: &mut Notes,
    ) -> Checked<Self> {
        let mut declarations = declarations(task.list("params")?, notes)?;
        let given = given(run, &mut declarations, notes)?;
        let line = task.line_of("params");
        for (name, _) in typed {
            known(name, &declarations).map_err(|message| Problem::at(line, message))?;
        }
        let mut values = Vec::new();
        let mut missing = Vec::new();
        for declaration in &declarations {
            let place = |problem: Problem| problem.of(&format!("param `{}`", declaration.name));
            let of_run = given.iter().find(|(name, _)| *name == declaration.name);
            let of_run =
                of_run.map(|(_, node)| declaration.read(node)).transpose().map_err(place)?;
            let typed = declaration.typed(typed).map_err(place)?;
            match declaration.value(typed.or(of_run)).map_err(place)? {
                Some(value) => values.push((declaration.name.clone(), value)),
                None => missing.push(declaration),
            }
        }
        all_there(&missing)?;
        Ok(Self { values })
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The names, in the order of the file.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }
}

fn all_there(missing: &[&Declaration]) -> Checked<()> {
    let Some(first) = missing.first() else { return Ok(()) };
    let names = choice("params without a value", missing.iter().map(|it| &it.name));
    let flags: Vec<String> = missing.iter().map(|it| it.flag()).collect();
    Err(Problem::at(first.line, format!("{names}; give {}", flags.join(" "))))
}

fn known(name: &str, declarations: &[Declaration]) -> Result<(), String> {
    let names = || declarations.iter().map(|it| it.name.as_str());
    if names().any(|own| own == name) {
        return Ok(());
    }
    let have = choice("params", names());
    Err(format!("unknown param `{name}` (-p); the task has {have}{}", suggestion(name, names())))
}

/// The values of a TaskRun, by name.
fn given<'a>(
    run: &Given<'a>,
    declarations: &mut Vec<Declaration>,
    notes: &mut Notes,
) -> Checked<Vec<(String, &'a Node)>> {
    let mut values: Vec<(String, &Node)> = Vec::new();
    for node in run.values {
        let fields = Fields::read(node, &schema::PARAM_VALUE, notes)?;
        let name = fields.required_text("name")?.value;
        let missing = || Problem::at(fields.line, format!("param `{name}`: `value` is missing"));
        let value = fields.get("value").ok_or_else(missing)?;
        if values.iter().any(|(own, _)| *own == name) {
            return Err(Problem::at(fields.line, format!("param `{name}` has two values")));
        }
        let is_declared = declarations.iter().any(|declaration| declaration.name == name);
        if !is_declared && run.declares {
            declarations.push(Declaration::of_value(&name, value));
        } else if !is_declared {
            notes
                .add(format!("the TaskRun's param `{name}` is none of the Task's: it is not used"));
        }
        values.push((name, value));
    }
    Ok(values)
}

fn declarations(nodes: &[Node], notes: &mut Notes) -> Checked<Vec<Declaration>> {
    let mut declarations: Vec<Declaration> = Vec::new();
    for node in nodes {
        let declaration = Declaration::of(node, notes)?;
        if declarations.iter().any(|other| other.name == declaration.name) {
            let message = format!("param `{}` is declared twice", declaration.name);
            return Err(Problem::at(declaration.line, message));
        }
        declarations.push(declaration);
    }
    Ok(declarations)
}

impl Declaration {
    fn of(node: &Node, notes: &mut Notes) -> Checked<Self> {
        let fields = Fields::read(node, &schema::PARAM, notes)?;
        let name = fields.required_text("name")?;
        check_name(&name.value).map_err(|message| Problem::at(name.line, message))?;
        let place = |problem: Problem| problem.of(&format!("param `{}`", name.value));
        Self::with_name(&name.value, &fields, notes).map_err(place)
    }

    fn with_name(name: &str, fields: &Fields<'_>, notes: &mut Notes) -> Checked<Self> {
        let keys = keys(fields, notes)?;
        let default = fields.get("default");
        let kind = kind(fields, default, &keys)?;
        let choices = fields.texts("enum")?.unwrap_or_default();
        let choices = choices.into_iter().map(|text| text.value).collect();
        let line = fields.line;
        let mut own = Self { name: name.to_owned(), line, kind, default: None, choices, keys };
        own.default = default.map(|node| own.read(node)).transpose()?;
        Ok(own)
    }

    /// A parameter that a TaskRun with its own Task gives without declaring it.
    fn of_value(name: &str, value: &Node) -> Self {
        let (name, kind) = (name.to_owned(), shape(value));
        Self { name, line: value.line, kind, default: None, choices: vec![], keys: vec![] }
    }

    /// The value of a node of the file.
    fn read(&self, node: &Node) -> Checked<Value> {
        let wrong = || Problem::at(node.line, self.wrong(node.kind()));
        match (&node.value, self.kind) {
            (Yaml::List(items), Type::Array) => {
                let items = items.iter().map(plain).collect::<Option<_>>();
                items.map(Value::Array).ok_or_else(wrong)
            }
            (Yaml::Map(entries), Type::Object) => {
                let pair = |entry: &Entry| Some((entry.key.clone(), plain(&entry.node)?));
                entries.iter().map(pair).collect::<Option<_>>().map(Value::Object).ok_or_else(wrong)
            }
            (_, Type::String) => plain(node).map(Value::Text).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    /// The value that `-p` gives, if any.
    fn typed(&self, typed: &[(String, String)]) -> Checked<Option<Value>> {
        let own = typed.iter().filter(|(name, _)| *name == self.name);
        let values: Vec<&str> = own.map(|(_, value)| value.as_str()).collect();
        let wrong = |message| Problem::at(self.line, message);
        match (self.kind, values.as_slice()) {
            (_, []) => Ok(None),
            (Type::String, [only]) => Ok(Some(Value::Text((*only).to_owned()))),
            (Type::Array, [only]) if only.starts_with('[') => {
                serde_json::from_str(only).map(|items| Some(Value::Array(items))).map_err(|error| {
                    wrong(format!("-p {}={only} is no JSON array of strings: {error}", self.name))
                })
            }
            (Type::Array, items) => {
                Ok(Some(Value::Array(items.iter().map(|&it| it.to_owned()).collect())))
            }
            (Type::Object, [only]) => {
                object(only).map(|it| Some(Value::Object(it))).map_err(|error| {
                    wrong(format!("-p {}={only} is no JSON object of strings: {error}", self.name))
                })
            }
            _ => Err(wrong(self.wrong("several values of -p"))),
        }
    }

    /// The value that holds, checked; none where there is none.
    fn value(&self, given: Option<Value>) -> Checked<Option<Value>> {
        let value = match (given, self.default.clone()) {
            (Some(Value::Object(own)), Some(Value::Object(defaults))) => {
                let more =
                    defaults.into_iter().filter(|(key, _)| !own.iter().any(|(it, _)| it == key));
                let more: Vec<_> = more.collect();
                Some(Value::Object(own.into_iter().chain(more).collect()))
            }
            (given, default) => given.or(default),
        };
        if let Some(value) = &value {
            self.check(value).map_err(|message| Problem::at(self.line, message))?;
        }
        Ok(value)
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        match value {
            Value::Text(text) if !self.choices.is_empty() && !self.choices.contains(text) => {
                Err(format!("`{text}` is not allowed; {}", choice("values", &self.choices)))
            }
            Value::Object(pairs) => {
                let has = |key: &&String| pairs.iter().any(|(own, _)| own == *key);
                let missing: Vec<&String> = self.keys.iter().filter(|key| !has(key)).collect();
                if missing.is_empty() {
                    return Ok(());
                }
                Err(format!("{}; give {}", choice("keys without a value", missing), self.flag()))
            }
            _ => Ok(()),
        }
    }

    fn wrong(&self, is: &str) -> String {
        let wanted = match self.kind {
            Type::String => "a string",
            Type::Array => "an array of strings",
            Type::Object => "an object of strings",
        };
        format!("{wanted} is needed, not {is}")
    }

    /// The flag that gives it a value.
    fn flag(&self) -> String {
        let name = &self.name;
        match self.kind {
            Type::String => format!("-p {name}=VALUE"),
            Type::Array => format!("-p {name}=ITEM…"),
            Type::Object => format!("-p {name}='{{\"KEY\":\"VALUE\"}}'"),
        }
    }
}

fn kind(fields: &Fields<'_>, default: Option<&Node>, keys: &[String]) -> Checked<Type> {
    let Some(word) = fields.text("type")? else {
        let fallback = if keys.is_empty() { Type::String } else { Type::Object };
        return Ok(default.map_or(fallback, shape));
    };
    match word.value.as_str() {
        "string" => Ok(Type::String),
        "array" => Ok(Type::Array),
        "object" => Ok(Type::Object),
        other => {
            let message = format!("`type` must be string, array or object, not `{other}`");
            Err(Problem::at(word.line, message))
        }
    }
}

/// The keys of `properties`; each is a string.
fn keys(fields: &Fields<'_>, notes: &mut Notes) -> Checked<Vec<String>> {
    let Some(node) = fields.get("properties") else { return Ok(Vec::new()) };
    let Yaml::Map(entries) = &node.value else {
        return Err(Problem::at(node.line, "`properties` must be a map"));
    };
    for entry in entries.iter().filter(|entry| entry.node.value != Yaml::Null) {
        let property = Fields::read(&entry.node, &schema::PROPERTY, notes)?;
        if property.text("type")?.is_some_and(|word| word.value != "string") {
            let message = format!("property `{}` must be of type string", entry.key);
            return Err(Problem::at(entry.line, message));
        }
    }
    Ok(entries.iter().map(|entry| entry.key.clone()).collect())
}

fn shape(node: &Node) -> Type {
    match node.value {
        Yaml::List(_) => Type::Array,
        Yaml::Map(_) => Type::Object,
        _ => Type::String,
    }
}

/// Text as it was written, numbers and truth values too.
fn plain(node: &Node) -> Option<String> {
    match &node.value {
        Yaml::Text(text) => Some(text.value.clone()),
        Yaml::Typed(word) => Some(word.clone()),
        Yaml::Null => Some(String::new()),
        _ => None,
    }
}

/// A JSON object of strings.
fn object(text: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    let pairs: std::collections::BTreeMap<String, String> = serde_json::from_str(text)?;
    Ok(pairs.into_iter().collect())
}

/// Names of parameters: letters, digits, `-`, `_` and `.`, a letter or `_` first.
fn check_name(name: &str) -> Result<(), String> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let follows = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if starts && follows {
        return Ok(());
    }
    Err(format!(
        "param `{name}`: a name has letters, digits, - _ and ., and begins with a letter or _"
    ))
}
