//! Pages of long lists, without gaps or repetitions while rows are added and deleted: a page keeps the end that it had
//! at first.
//!
//! Cursors come back from clients, so they are sealed: a cursor that was issued for another organization, another query
//! or other arguments is refused.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use data_encoding::BASE64URL_NOPAD;
use kernel::{Code, Error, Page, PageOptions, PageStatus, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Read;

/// The greatest number of rows to which a live page may grow; arrays on the wire end at 8,192.
const GROWN: i64 = 8000;
/// The number of bytes of the seal.
const SEAL: usize = 16;

/// The position of a row in its list: the values by which the list is sorted, the last of them unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place(pub Vec<Value>);

/// A row of a sorted list.
pub trait Placed {
    /// Returns the position of the row.
    fn place(&self) -> Place;
}

/// The rows after `after`, up to and including `until`, at most `limit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The position after which the range begins; none for the beginning of the list.
    pub after: Option<Place>,
    /// The last position of the range; none for the end of the list.
    pub until: Option<Place>,
    /// The greatest number of rows.
    pub limit: i64,
}

impl Range {
    /// Returns the range of the first rows of a list.
    pub fn first(limit: i64) -> Self {
        Self { after: None, until: None, limit }
    }

    /// Returns the bounds for a list that is sorted by a number and a text, both ascending: `(number, text) > (a, b)`
    /// and `(number, text) <= (c, d)`.
    pub fn ascending(&self) -> ((i64, String), (i64, String)) {
        let read = |place: &Place| {
            let number = place.0.first().and_then(Value::as_i64).unwrap_or_default();
            (number, place.0.get(1).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let first = self.after.as_ref().map_or((i64::MIN, String::new()), read);
        let last = self.until.as_ref().map_or((i64::MAX, String::from(char::MAX)), read);
        (first, last)
    }

    /// Returns the bounds for a list that is sorted by a number and a text, both descending: `(number, text) < (a, b)`
    /// and `(number, text) >= (c, d)`.
    pub fn descending(&self) -> ((i64, String), (i64, String)) {
        let read = |place: &Place| {
            let number = place.0.first().and_then(Value::as_i64).unwrap_or_default();
            (number, place.0.get(1).and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let first = self.after.as_ref().map_or((i64::MAX, String::from(char::MAX)), read);
        let last = self.until.as_ref().map_or((i64::MIN, String::new()), read);
        (first, last)
    }

    /// Binds the bounds of an ascending list, and its limit: the next five values, from `$2` on in
    /// `(number, text) > ($2, $3) and (number, text) <= ($4, $5) … limit $6`.
    #[must_use]
    pub fn bind_ascending<'t>(&self, read: Read<'t>) -> Read<'t> {
        self.bind(read, self.ascending())
    }

    /// Binds the bounds of a descending list, and its limit: the next five values, from `$2` on in
    /// `(number, text) < ($2, $3) and (number, text) >= ($4, $5) … limit $6`.
    #[must_use]
    pub fn bind_descending<'t>(&self, read: Read<'t>) -> Read<'t> {
        self.bind(read, self.descending())
    }

    fn bind<'t>(&self, read: Read<'t>, (after, until): ((i64, String), (i64, String))) -> Read<'t> {
        read.bind(after.0).bind(after.1).bind(until.0).bind(until.1).bind(self.limit)
    }
}

/// The key of cursors' seals, and what a cursor is sealed for.
#[derive(Clone)]
pub(crate) struct Seal {
    key: hmac::Key,
    purpose: String,
}

impl Seal {
    pub(crate) fn new(key: &hmac::Key, purpose: String) -> Self {
        Self { key: key.clone(), purpose }
    }

    fn close(&self, end: &End) -> Result<String> {
        let text = serde_json::to_vec(end)
            .map_err(|error| Error::internal("cursor_unwritable", "a cursor cannot be written").source(error))?;
        let mut bytes = self.mac(&text)[..SEAL].to_vec();
        bytes.extend_from_slice(&text);
        Ok(BASE64URL_NOPAD.encode(&bytes))
    }

    fn open(&self, cursor: &str) -> Result<End> {
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| invalid())?;
        let (seal, text) = bytes.split_at_checked(SEAL).ok_or_else(invalid)?;
        verify_slices_are_equal(seal, &self.mac(text)[..SEAL]).map_err(|_| invalid())?;
        serde_json::from_slice(text).map_err(|_| invalid())
    }

    fn mac(&self, text: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&self.purpose.len().to_be_bytes());
        context.update(self.purpose.as_bytes());
        context.update(text);
        context.sign().as_ref().to_vec()
    }
}

/// The tag by which clients know that they have to start again with the first page.
pub(crate) const INVALID_CURSOR: &str = "InvalidCursor";

fn invalid() -> Error {
    Error::new(Code::BadRequest, INVALID_CURSOR, "InvalidCursor: begin again at the first page")
}

/// The end of a page: a row, or the end of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum End {
    #[serde(rename = "p")]
    At(Place),
    #[serde(rename = "end")]
    OfList,
}

impl End {
    fn place(&self) -> Option<Place> {
        match self {
            Self::At(place) => Some(place.clone()),
            Self::OfList => None,
        }
    }
}

/// The requested page.
pub(super) struct Asked {
    after: Option<Place>,
    /// Whether the page begins at the end of the list, where there are no rows.
    nothing: bool,
    until: Option<End>,
    items: u32,
}

impl Asked {
    pub(super) fn read(seal: &Seal, options: &PageOptions, journal: Option<&str>) -> Result<Self> {
        options.check()?;
        let open = |cursor: &str| seal.open(cursor);
        let begin = options.cursor.as_deref().map(open).transpose()?;
        let until = options.end_cursor.as_deref().or(journal).map(open).transpose()?;
        Ok(Self {
            nothing: begin == Some(End::OfList),
            after: begin.and_then(|begin| begin.place()),
            until,
            items: options.num_items,
        })
    }

    pub(super) fn range(&self) -> Range {
        let limit = match (&self.until, self.nothing) {
            (_, true) => 0,
            // One row more shows whether the list goes on.
            (None, false) => i64::from(self.items) + 1,
            (Some(_), false) => GROWN,
        };
        Range { after: self.after.clone(), until: self.until.as_ref().and_then(End::place), limit }
    }

    /// Returns the page, and the end that it keeps from now on.
    pub(super) fn answer<T: Placed>(self, seal: &Seal, mut rows: Vec<T>) -> Result<(Page<T>, String)> {
        let items = usize::try_from(self.items).unwrap_or(usize::MAX);
        let end = match self.until {
            Some(end) => end,
            None if rows.len() > items => {
                rows.truncate(items);
                rows.last().map_or(End::OfList, |row| End::At(row.place()))
            }
            None => End::OfList,
        };
        let middle = (rows.len() >= 2).then(|| End::At(rows[(rows.len() - 1) / 2].place()));
        let page_status = match rows.len() {
            grown if i64::try_from(grown).is_ok_and(|grown| grown >= GROWN) => Some(PageStatus::SplitRequired),
            grown if grown > items.saturating_mul(2) => Some(PageStatus::SplitRecommended),
            _ => None,
        };
        let continue_cursor = seal.close(&end)?;
        let page = Page {
            page: rows,
            is_done: end == End::OfList,
            continue_cursor: continue_cursor.clone(),
            split_cursor: middle.map(|middle| seal.close(&middle)).transpose()?,
            page_status,
        };
        Ok((page, continue_cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Row(i64);

    impl Placed for Row {
        fn place(&self) -> Place {
            Place(vec![self.0.into(), format!("id{}", self.0).into()])
        }
    }

    fn seal(purpose: &str) -> Seal {
        Seal::new(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), purpose.to_owned())
    }

    fn options(num_items: u32, cursor: Option<String>) -> PageOptions {
        PageOptions { num_items, cursor, ..PageOptions::default() }
    }

    fn load(range: &Range, all: &[i64]) -> Vec<Row> {
        let (first, last) = range.ascending();
        let within = |n: &&i64| (**n, format!("id{n}")) > first && (**n, format!("id{n}")) <= last;
        all.iter().filter(within).take(usize::try_from(range.limit).unwrap()).map(|n| Row(*n)).collect()
    }

    fn ask(options: &PageOptions, journal: Option<&str>, all: &[i64]) -> (Page<Row>, String) {
        let asked = Asked::read(&seal("a"), options, journal).unwrap();
        let rows = load(&asked.range(), all);
        asked.answer(&seal("a"), rows).unwrap()
    }

    fn numbers(page: &Page<Row>) -> Vec<i64> {
        page.page.iter().map(|row| row.0).collect()
    }

    #[test]
    fn a_page_that_was_shown_grows_where_rows_come_in_and_the_next_one_does_not_move() {
        let (first, journal) = ask(&options(2, None), None, &[10, 20, 30, 40]);
        assert_eq!((numbers(&first), first.is_done), (vec![10, 20], false));
        let second_options = options(2, Some(first.continue_cursor));
        let (second, end) = ask(&second_options, None, &[10, 20, 30, 40]);
        assert_eq!((numbers(&second), second.is_done), (vec![30, 40], true));

        let later = [5, 10, 15, 20, 25, 30, 40, 50];
        assert_eq!(numbers(&ask(&options(2, None), Some(&journal), &later).0), [5, 10, 15, 20]);
        assert_eq!(numbers(&ask(&second_options, Some(&end), &later).0), [25, 30, 40, 50]);
    }

    #[test]
    fn a_part_is_cut_in_two_at_its_middle() {
        let (whole, _) = ask(&options(5, None), None, &[1, 2, 3, 4, 5, 6]);
        let end_cursor = whole.split_cursor.clone();
        let (one, _) = ask(&PageOptions { end_cursor, ..options(5, None) }, None, &[1, 2, 3, 4, 5, 6]);
        let rest = PageOptions { end_cursor: Some(whole.continue_cursor), ..options(5, whole.split_cursor) };
        let (other, _) = ask(&rest, None, &[1, 2, 3, 4, 5, 6]);
        assert_eq!((numbers(&one), numbers(&other)), (vec![1, 2, 3], vec![4, 5]));
    }

    #[test]
    fn a_cursor_of_another_list_or_a_changed_one_is_refused() {
        let cursor = seal("org_a|items:page|{}").close(&End::At(Place(vec![1.into()]))).unwrap();
        assert!(seal("org_a|items:page|{}").open(&cursor).is_ok());
        assert_eq!(seal("org_b|items:page|{}").open(&cursor).unwrap_err().tag, INVALID_CURSOR);
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(seal("org_a|items:page|{}").open(std::str::from_utf8(&changed).unwrap()).is_err(), "{at}");
        }
        assert!(seal("a").open("").is_err());
    }
}
