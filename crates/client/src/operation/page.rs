//! Lists that come in parts.

use ultracart_model::ResponseMetadata;
use ultracart_transport::{Error, ErrorKind};

use super::Operation;

/// A list never has more parts; a server that says so is broken.
const MAX_PAGES: usize = 1_000;

/// Which part of a list to ask for. The first one is asked for without any parameter, as the documents have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    offset: i64,
    limit: Option<i64>,
    number: usize,
}

/// An operation that gives a part of a list.
pub(crate) trait ListOperation:
    Operation<Output = (Vec<Self::Item>, Option<ResponseMetadata>)>
{
    /// What the list is of.
    type Item;

    /// The operation for a part.
    fn page(page: Page) -> Self;
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

    /// The part after this one, if there is one.
    ///
    /// # Errors
    /// If there is one and it cannot be got at: a part of a list must not be taken for the whole.
    pub(crate) fn next(
        self,
        metadata: Option<&ResponseMetadata>,
        items: usize,
    ) -> Result<Option<Self>, Error> {
        let Some(result_set) = metadata.and_then(|metadata| metadata.result_set.as_ref()) else {
            return Ok(None);
        };
        if result_set.more != Some(true) {
            return Ok(None);
        }
        let endless = |why: String| {
            Err(Error::new(ErrorKind::EndlessList, format!("the list says that it goes on, and {why}"))
                .after_sending())
        };
        let number = self.number + 1;
        match result_set.next_offset {
            _ if items == 0 => endless(format!("part {number} of it is empty")),
            _ if number >= MAX_PAGES => endless(format!("{MAX_PAGES} parts of it have been read")),
            Some(offset) if offset > self.offset => {
                let limit = result_set.limit.filter(|limit| *limit > 0);
                Ok(Some(Self { offset, limit, number }))
            }
            next => endless(format!("the next offset is {next:?} after {}", self.offset)),
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
        let second = Page::default().next(Some(&metadata(true, 100)), 100).unwrap().unwrap();
        for (metadata, items, why) in [
            (metadata(true, 100), 100, "the next offset is Some(100) after 100"),
            (metadata(true, -1), 100, "the next offset is Some(-1) after 100"),
            (metadata(true, 200), 0, "part 2 of it is empty"),
        ] {
            let error = second.next(Some(&metadata), items).unwrap_err();
            assert_eq!(error.to_string(), format!("the list says that it goes on, and {why}"));
        }
        let mut page = Page::default();
        for offset in 1..1_000 {
            page = page.next(Some(&metadata(true, offset)), 1).unwrap().unwrap();
        }
        let error = page.next(Some(&metadata(true, 1_000)), 1).unwrap_err();
        assert!(error.to_string().ends_with("1000 parts of it have been read"), "{error}");
    }
}
