//! Writes one part of a notification as a notification of its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Change, Piece};

impl Piece<'_, '_> {
    /// Returns the approximate length of the part as a notification.
    pub(super) fn length(&self) -> usize {
        let Change { object, entry, change, .. } = self.change;
        let frame = object.map_or(0, |raw| raw.get().len())
            + entry.id.as_ref().map_or(0, |(raw, _)| raw.get().len())
            + self.change.field().len();
        let value = match &self.element {
            None => change.value.map_or(0, |value| value.get().len()),
            Some(element) => {
                let shared: usize = self.change.shared().map(|(name, raw)| name.len() + raw.get().len()).sum();
                let contacts: usize = self.contacts.iter().map(|(raw, _)| raw.get().len()).sum();
                shared + contacts + element.raw.get().len()
            }
        };
        frame + value
    }

    /// Returns a notification that contains only this part.
    pub(super) fn cut(&self) -> Bytes {
        let Change { object, entry, change, .. } = self.change;
        let value = match &self.element {
            None => change.value.map(Value::Whole),
            Some(element) => {
                let mut cut: BTreeMap<&str, Member<'_>> =
                    self.change.shared().map(|(name, raw)| (name, Member::One(raw))).collect();
                if !self.contacts.is_empty() {
                    cut.insert("contacts", Member::Some(self.contacts.iter().map(|(raw, _)| *raw).collect()));
                }
                cut.insert(element.list, Member::Some(vec![element.raw]));
                Some(Value::Cut(cut))
            }
        };
        let id = entry.id.as_ref().map(|(raw, _)| *raw);
        let changes = [CutChange { field: change.field.get(), value }];
        let notification = CutNotification { object: *object, entry: [CutEntry { id, changes }] };
        serde_json::to_vec(&notification).unwrap_or_default().into()
    }
}

#[derive(Serialize)]
struct CutNotification<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a RawValue>,
    entry: [CutEntry<'a>; 1],
}

#[derive(Serialize)]
struct CutEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    changes: [CutChange<'a>; 1],
}

#[derive(Serialize)]
struct CutChange<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    value: Option<Value<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Whole(&'a RawValue),
    Cut(BTreeMap<&'a str, Member<'a>>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    One(&'a RawValue),
    Some(Vec<&'a RawValue>),
}
