//! Pages of a list.

use ultracart_model::ResponseMetadata;
use ultracart_transport::{Error, ErrorKind};

use super::Operation;

/// Maximum number of pages of one list. Reading that many costs a tenth of an hour's quota. A server that
/// reports more pages must be broken.
const MAX_PAGES: usize = 100;

/// The place of a page in its list. The first page is requested without parameters, because UltraCart
/// documents none for these operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    offset: i64,
    limit: Option<i64>,
    pages_before: usize,
    items_before: usize,
}

/// An operation that returns one page of a list.
pub(crate) trait ListOperation:
    Operation<Output = (Vec<Self::Item>, Option<ResponseMetadata>)>
{
    /// The type of the list's items.
    type Item;

    /// Returns the operation that reads `page`.
    fn page(page: Page) -> Self;

    /// Returns the id of an item.
    fn id(item: &Self::Item) -> Option<i32>;
}

impl Page {
    /// Returns `path` with the parameters of this page.
    pub(super) fn path(self, path: &str) -> String {
        match self {
            Self { offset: 0, .. } => path.to_owned(),
            Self { offset, limit: None, .. } => format!("{path}?_offset={offset}"),
            Self { offset, limit: Some(limit), .. } => format!("{path}?_limit={limit}&_offset={offset}"),
        }
    }

    /// Returns the page after this one, or `None` if this page is the last. `new` is the number of items in
    /// this page that were in no earlier page.
    ///
    /// # Errors
    /// If the server reports that there is a next page, but we cannot go on to it. Without that page, the
    /// list would be incomplete. There are four possible reasons:
    ///
    /// - the server gives no usable offset for the next page,
    /// - this page has no new items,
    /// - the list exceeds its reported total,
    /// - the list exceeds the maximum number of pages.
    pub(crate) fn next(self, metadata: Option<&ResponseMetadata>, new: usize) -> Result<Option<Self>, Error> {
        let Some(result_set) = metadata.and_then(|metadata| metadata.result_set.as_ref()) else {
            return Ok(None);
        };
        if result_set.more != Some(true) {
            return Ok(None);
        }
        let pagination_loop = |why: String| {
            Err(Error::new(
                ErrorKind::PaginationLoop,
                format!("the server reports another page of the list, but {why}"),
            )
            .mark_sent())
        };
        let (pages, items) = (self.pages_before + 1, self.items_before + new);
        let total =
            result_set.total_records.and_then(|total| usize::try_from(total).ok()).filter(|total| *total > 0);
        match (result_set.next_offset, total) {
            _ if new == 0 => pagination_loop(format!("page {pages} has no new objects")),
            (_, Some(total)) if items > total => {
                pagination_loop(format!("{items} objects have been read, and the total is {total}"))
            }
            _ if pages >= MAX_PAGES => pagination_loop(format!("{MAX_PAGES} pages are the maximum")),
            (Some(offset), _) if offset > self.offset => {
                let limit = result_set.limit.filter(|limit| *limit > 0);
                Ok(Some(Self { offset, limit, pages_before: pages, items_before: items }))
            }
            (Some(offset), _) => pagination_loop(format!(
                "its offset ({offset}) is not above that of this page ({})",
                self.offset
            )),
            (None, _) => pagination_loop("gives no offset for it".to_owned()),
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
    fn pages_are_read_to_the_end_of_the_list() {
        let first = Page::default();
        assert_eq!(first.path("/user/users"), "/user/users");
        let second = first.next(Some(&metadata(true, 100)), 100).unwrap().unwrap();
        assert_eq!(second.path("/user/users"), "/user/users?_limit=100&_offset=100");
        assert_eq!(second.next(Some(&metadata(false, 200)), 1).unwrap(), None);
        assert_eq!(second.next(None, 1).unwrap(), None);
    }

    #[test]
    fn endless_list_is_an_error() {
        let total = |total: i64| {
            let result_set = metadata(true, 200).result_set.unwrap().total_records(total);
            ResponseMetadata::new().result_set(result_set)
        };
        let no_offset = ResponseMetadata::new().result_set(ResultSet::new().more(true));
        let second = Page::default().next(Some(&metadata(true, 100)), 100).unwrap().unwrap();
        for (metadata, new, why) in [
            (metadata(true, 100), 100, "its offset (100) is not above that of this page (100)"),
            (metadata(true, -1), 100, "its offset (-1) is not above that of this page (100)"),
            (no_offset, 100, "gives no offset for it"),
            (metadata(true, 200), 0, "page 2 has no new objects"),
            (total(199), 100, "200 objects have been read, and the total is 199"),
        ] {
            let error = second.next(Some(&metadata), new).unwrap_err();
            assert_eq!(error.to_string(), format!("the server reports another page of the list, but {why}"));
        }
        // A total that is not exceeded, or not positive, is no error.
        for total in [total(-1), total(0), total(200)] {
            assert!(second.next(Some(&total), 100).unwrap().is_some());
        }
        let mut page = Page::default();
        for offset in 1..100 {
            page = page.next(Some(&metadata(true, offset)), 1).unwrap().unwrap();
        }
        let error = page.next(Some(&metadata(true, 100)), 1).unwrap_err();
        assert!(error.to_string().ends_with("100 pages are the maximum"), "{error}");
    }
}
