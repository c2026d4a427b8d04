//! Lists that come in parts.

use ultracart_model::ResponseMetadata;
use ultracart_transport::{Error, ErrorKind};

use super::Operation;

/// A list never has more parts; a server that says so is broken. They cost a tenth of what an hour allows.
const MAX_PAGES: usize = 100;

/// Which part of a list to ask for. The first one is asked for without any parameter, as the documents have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    offset: i64,
    limit: Option<i64>,
    number: usize,
    /// Objects in all parts before this one.
    before: usize,
}

/// An operation that gives a part of a list.
pub(crate) trait ListOperation:
    Operation<Output = (Vec<Self::Item>, Option<ResponseMetadata>)>
{
    /// What the list is of.
    type Item;

    /// The operation for a part.
    fn page(page: Page) -> Self;

    /// By what an object is known again.
    fn id(item: &Self::Item) -> Option<i32>;
}

impl Page {
    /// The path with the parameters of this part.
    pub(super) fn path(self, path: &str) -> String {
        match self {
            Self { offset: 0, .. } => path.to_owned(),
            Self { offset, limit: None, .. } => format!("{path}?_offset={offset}"),
            Self { offset, limit: Some(limit), .. } => format!("{path}?_limit={limit}&_offset={offset}"),
        }
    }

    /// The part after this one, if there is one; `new` is how many objects this one has that no part before it had.
    ///
    /// # Errors
    /// If there is one and it cannot be got at, or there cannot be one: a part of a list must not be taken for the
    /// whole.
    pub(crate) fn next(self, metadata: Option<&ResponseMetadata>, new: usize) -> Result<Option<Self>, Error> {
        let Some(result_set) = metadata.and_then(|metadata| metadata.result_set.as_ref()) else {
            return Ok(None);
        };
        if result_set.more != Some(true) {
            return Ok(None);
        }
        let endless = |why: String| {
            Err(Error::new(ErrorKind::PaginationLoop, format!("the list says that it goes on, and {why}"))
                .after_sending())
        };
        let (number, read) = (self.number + 1, self.before + new);
        let total =
            result_set.total_records.and_then(|total| usize::try_from(total).ok()).filter(|total| *total > 0);
        match (result_set.next_offset, total) {
            _ if new == 0 => endless(format!("part {number} of it brings nothing new")),
            (_, Some(total)) if read > total => {
                endless(format!("{read} objects have been read of the {total} that it says there are"))
            }
            _ if number >= MAX_PAGES => endless(format!("{MAX_PAGES} parts of it have been read")),
            (Some(offset), _) if offset > self.offset => {
                let limit = result_set.limit.filter(|limit| *limit > 0);
                Ok(Some(Self { offset, limit, number, before: read }))
            }
            (Some(offset), _) => endless(format!("the next offset is {offset} after {}", self.offset)),
            (None, _) => endless("it does not say where".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::ResultSet;

    use super::*;

    fn metadata(more: bool, next_offset: i64) -> ResponseMetadata {
        ResponseMetadata::new().result_set(ResultSet::new().more(more).next_offset(next_offset).limit(100))
    }

    #[test]
    fn a_list_is_followed_to_its_end() {
        let first = Page::default();
        assert_eq!(first.path("/user/users"), "/user/users");
        let second = first.next(Some(&metadata(true, 100)), 100).unwrap().unwrap();
        assert_eq!(second.path("/user/users"), "/user/users?_limit=100&_offset=100");
        assert_eq!(second.next(Some(&metadata(false, 200)), 1).unwrap(), None);
        assert_eq!(second.next(None, 1).unwrap(), None);
    }

    #[test]
    fn a_list_that_never_ends_is_cut_off() {
        let total = |total: i64| {
            let result_set = metadata(true, 200).result_set.unwrap().total_records(total);
            ResponseMetadata::new().result_set(result_set)
        };
        let nowhere = ResponseMetadata::new().result_set(ResultSet::new().more(true));
        let second = Page::default().next(Some(&metadata(true, 100)), 100).unwrap().unwrap();
        for (metadata, new, why) in [
            (metadata(true, 100), 100, "the next offset is 100 after 100"),
            (metadata(true, -1), 100, "the next offset is -1 after 100"),
            (nowhere, 100, "it does not say where"),
            (metadata(true, 200), 0, "part 2 of it brings nothing new"),
            (total(199), 100, "200 objects have been read of the 199 that it says there are"),
        ] {
            let error = second.next(Some(&metadata), new).unwrap_err();
            assert_eq!(error.to_string(), format!("the list says that it goes on, and {why}"));
        }
        // Only a count that is passed says something.
        for total in [total(-1), total(0), total(200)] {
            assert!(second.next(Some(&total), 100).unwrap().is_some());
        }
        let mut page = Page::default();
        for offset in 1..100 {
            page = page.next(Some(&metadata(true, offset)), 1).unwrap().unwrap();
        }
        let error = page.next(Some(&metadata(true, 100)), 1).unwrap_err();
        assert!(error.to_string().ends_with("100 parts of it have been read"), "{error}");
    }
}
