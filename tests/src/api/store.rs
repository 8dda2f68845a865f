//! The objects, each with its version, and all that ever became of them.

use std::sync::Mutex;

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::change::Patch;
use super::place::Place;
use super::respond::Problem;
use super::select::Selector;

/// The objects of every resource.
#[derive(Debug)]
pub(super) struct Store {
    kept: Mutex<Kept>,
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    version: u64,
    oldest: u64,
    objects: Vec<(Place, Value)>,
    history: Vec<Event>,
}

/// What became of an object.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) place: Place,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

impl Default for Store {
    fn default() -> Self {
        Self { kept: Mutex::default(), news: watch::Sender::new(0) }
    }
}

impl Store {
    /// Keeps an object whatever was there.
    pub(super) fn put(&self, place: &Place, object: Value) -> Value {
        self.change(|kept| Ok(kept.set(place, object))).unwrap()
    }

    pub(super) fn get(&self, place: &Place) -> Option<Value> {
        self.kept.lock().unwrap().find(place).cloned()
    }

    pub(super) fn existing(&self, place: &Place) -> Result<Value, Problem> {
        self.get(place).ok_or_else(|| not_found(place))
    }

    /// What of a collection is selected, by namespace and name, and the version of the whole.
    pub(super) fn list(&self, collection: &Place, selector: &Selector) -> (Vec<Value>, u64) {
        let kept = self.kept.lock().unwrap();
        let meant =
            |(place, object): &&(Place, Value)| place.is_in(collection) && selector.takes(object);
        let mut found: Vec<_> = kept.objects.iter().filter(meant).collect();
        found.sort_by_key(|(place, _)| (&place.namespace, &place.name));
        (found.into_iter().map(|(_, object)| object.clone()).collect(), kept.version)
    }

    pub(super) fn create(
        &self,
        collection: &Place,
        mut object: Value,
        dry_run: bool,
    ) -> Result<Value, Problem> {
        self.change(|kept| {
            let name = name_of(&object, kept.version)?;
            let place = collection.named(&name);
            object["metadata"]["name"] = json!(name);
            if let Some(namespace) = &collection.namespace {
                object["metadata"]["namespace"] = json!(namespace);
            }
            match kept.find(&place) {
                Some(_) => Err(Problem::new(409, format!("{} already exists", place.described()))),
                None if dry_run => Ok(object),
                None => Ok(kept.set(&place, object)),
            }
        })
    }

    /// Puts an object in the place of one that its writer has seen.
    pub(super) fn update(
        &self,
        place: &Place,
        object: Value,
        dry_run: bool,
    ) -> Result<Value, Problem> {
        self.change(|kept| {
            let old = kept.find(place).ok_or_else(|| not_found(place))?.clone();
            kept.replace(place, &old, object, dry_run)
        })
    }

    pub(super) fn patch(
        &self,
        place: &Place,
        patch: &Patch,
        dry_run: bool,
    ) -> Result<Value, Problem> {
        self.change(|kept| match (kept.find(place).cloned(), patch) {
            (Some(old), patch) => {
                let changed = patch.of(&old)?;
                kept.replace(place, &old, changed, dry_run)
            }
            (None, Patch::Apply(object)) if dry_run => Ok(object.clone()),
            (None, Patch::Apply(object)) => Ok(kept.set(place, object.clone())),
            (None, _) => Err(not_found(place)),
        })
    }

    /// Changes an object in one go, whoever else changes it; one that is not there stays so.
    pub(super) fn edit(&self, place: &Place, edit: impl FnOnce(&mut Value)) {
        let _ = self.change(|kept| {
            let mut object = kept.find(place).ok_or_else(|| not_found(place))?.clone();
            edit(&mut object);
            Ok(kept.set(place, object))
        });
    }

    pub(super) fn delete(&self, place: &Place) -> Result<Value, Problem> {
        self.change(|kept| {
            let index = kept.objects.iter().position(|(kept, _)| kept == &whole(place));
            let index = index.ok_or_else(|| not_found(place))?;
            let (place, old) = kept.objects.remove(index);
            kept.tell(place, Some(old.clone()), None);
            Ok(old)
        })
    }

    /// Forgets all that became of the objects until now.
    pub(super) fn compact(&self) {
        let mut kept = self.kept.lock().unwrap();
        kept.oldest = kept.version;
        kept.history.clear();
    }

    /// What became of the objects behind this version; 410 where that is forgotten.
    pub(super) fn since(&self, version: u64) -> Result<Vec<Event>, Problem> {
        let kept = self.kept.lock().unwrap();
        if version < kept.oldest {
            let message = format!("too old resource version: {version} ({})", kept.oldest);
            return Err(Problem::new(410, message));
        }
        Ok(kept.history.iter().filter(|event| event.version > version).cloned().collect())
    }

    /// Wakes whenever something becomes of an object.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn change(
        &self,
        act: impl FnOnce(&mut Kept) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        let mut kept = self.kept.lock().unwrap();
        let done = act(&mut kept);
        self.news.send_replace(kept.version);
        done
    }
}

impl Kept {
    fn find(&self, place: &Place) -> Option<&Value> {
        let place = whole(place);
        self.objects.iter().find(|(kept, _)| *kept == place).map(|(_, object)| object)
    }

    /// A change by one who has seen the old object, or does not care; one that changes nothing is none.
    fn replace(
        &mut self,
        place: &Place,
        old: &Value,
        mut new: Value,
        dry_run: bool,
    ) -> Result<Value, Problem> {
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        if !version(&new).is_null() && version(&new) != version(old) {
            let message = format!(
                "Operation cannot be fulfilled on {}: the object has been modified; please apply \
                 your changes to the latest version and try again",
                place.described()
            );
            return Err(Problem::new(409, message));
        }
        for field in ["uid", "creationTimestamp", "resourceVersion", "name", "namespace"] {
            let kept = old["metadata"][field].clone();
            if !kept.is_null() {
                new["metadata"][field] = kept;
            }
        }
        if dry_run || new == *old { Ok(new) } else { Ok(self.set(place, new)) }
    }

    fn set(&mut self, place: &Place, mut object: Value) -> Value {
        let place = whole(place);
        self.version += 1;
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.version.to_string());
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("00000000-0000-4000-8000-{:012}", self.version));
        }
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] =
                json!(Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        let before = match self.objects.iter_mut().find(|(kept, _)| *kept == place) {
            Some((_, kept)) => Some(std::mem::replace(kept, object.clone())),
            None => {
                self.objects.push((place.clone(), object.clone()));
                None
            }
        };
        self.history.push(Event {
            version: self.version,
            place,
            before,
            after: Some(object.clone()),
        });
        object
    }

    fn tell(&mut self, place: Place, before: Option<Value>, after: Option<Value>) {
        self.version += 1;
        self.history.push(Event { version: self.version, place, before, after });
    }
}

/// The object that a part belongs to.
fn whole(place: &Place) -> Place {
    Place { part: None, ..place.clone() }
}

fn name_of(object: &Value, version: u64) -> Result<String, Problem> {
    let metadata = &object["metadata"];
    match (metadata["name"].as_str(), metadata["generateName"].as_str()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, Some(prefix)) => Ok(format!("{prefix}{version:05}")),
        (None, None) => Err(Problem::new(422, "name or generateName is required")),
    }
}

fn not_found(place: &Place) -> Problem {
    Problem::new(404, format!("{} not found", place.described()))
}
