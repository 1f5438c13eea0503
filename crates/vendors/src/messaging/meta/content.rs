//! Parses the content of a message by its type:
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples>.

use provider::messaging::{Choice, Content, Location, Media, Reaction};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Parses the field that is named after the type. A type that is not known is kept as it was sent.
pub(in crate::messaging) fn read(kind: &str, body: Option<&Value>, message: &Map<String, Value>) -> Content {
    let Some(body) = body else { return bare(message) };
    let read = match kind {
        "text" => wire::<wire::Text>(body).map(|text| Content::Text { body: text.body }),
        "image" | "video" | "audio" | "voice" | "document" | "sticker" => wire::<wire::Media>(body).map(Content::from),
        "location" => wire::<wire::Location>(body).map(Content::from),
        "button" => wire::<wire::Button>(body).map(Content::from),
        "interactive" => wire::<wire::Interactive>(body).and_then(wire::Interactive::content),
        "reaction" => wire::<wire::Reaction>(body).map(Content::from),
        _ => None,
    };
    read.unwrap_or_else(|| Content::Other(body.clone()))
}

/// A message that Meta could not show contains the reason.
fn bare(message: &Map<String, Value>) -> Content {
    Content::Other(message.get("errors").map_or_else(|| json!({}), |errors| json!({ "errors": errors })))
}

fn wire<T: DeserializeOwned>(body: &Value) -> Option<T> {
    serde_json::from_value(body.clone()).ok()
}

impl From<wire::Media> for Content {
    fn from(media: wire::Media) -> Self {
        Self::Media(Media {
            id: media.id.owned(),
            url: media.url.owned().or(media.link.owned()),
            mime_type: media.mime_type.owned(),
            caption: media.caption.owned(),
            filename: media.filename.owned(),
        })
    }
}

impl From<wire::Location> for Content {
    fn from(place: wire::Location) -> Self {
        let wire::Location { latitude, longitude, name, address } = place;
        Self::Location(Location { latitude, longitude, name: name.owned(), address: address.owned() })
    }
}

impl From<wire::Button> for Content {
    fn from(button: wire::Button) -> Self {
        Self::Choice(Choice { id: button.payload.owned(), title: button.text.owned(), ..Choice::default() })
    }
}

impl From<wire::Reaction> for Content {
    fn from(reaction: wire::Reaction) -> Self {
        Self::Reaction(Reaction { message_id: reaction.message_id.owned(), emoji: reaction.emoji.owned() })
    }
}

mod wire {
    use provider::messaging::{Choice, Content};
    use serde::Deserialize;

    use crate::loose::Text as Loose;

    #[derive(Deserialize)]
    pub(super) struct Text {
        pub(super) body: String,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Media {
        pub(super) id: Loose,
        pub(super) url: Loose,
        pub(super) link: Loose,
        pub(super) mime_type: Loose,
        pub(super) caption: Loose,
        pub(super) filename: Loose,
    }

    #[derive(Deserialize)]
    pub(super) struct Location {
        pub(super) latitude: f64,
        pub(super) longitude: f64,
        #[serde(default)]
        pub(super) name: Loose,
        #[serde(default)]
        pub(super) address: Loose,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Button {
        pub(super) payload: Loose,
        pub(super) text: Loose,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Reaction {
        pub(super) message_id: Loose,
        pub(super) emoji: Loose,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Interactive {
        button_reply: Option<Reply>,
        list_reply: Option<Reply>,
        nfm_reply: Option<Form>,
    }

    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        id: Loose,
        #[serde(default)]
        title: Loose,
        #[serde(default)]
        description: Loose,
    }

    /// The answers of a flow.
    #[derive(Deserialize)]
    struct Form {
        #[serde(default)]
        name: Loose,
        #[serde(default)]
        body: Loose,
        #[serde(default)]
        response_json: Loose,
    }

    impl Interactive {
        pub(super) fn content(self) -> Option<Content> {
            let choice = match (self.button_reply.or(self.list_reply), self.nfm_reply) {
                (Some(reply), _) => Choice {
                    id: reply.id.owned(),
                    title: reply.title.owned(),
                    description: reply.description.owned(),
                    response: None,
                },
                (None, Some(form)) => Choice {
                    id: form.name.owned(),
                    title: form.body.owned(),
                    description: None,
                    response: form.response_json.get().and_then(|json| serde_json::from_str(json).ok()),
                },
                (None, None) => return None,
            };
            Some(Content::Choice(choice))
        }
    }
}
