//! Pages of lists.

use http::StatusCode;
use serde_json::{Map, Value};

use super::context::Context;
use crate::account::write_list;
use crate::response::{ApiError, BufferedResponse};

/// The requested page of a list.
pub(super) struct Page {
    limit: usize,
    offset: usize,
    total: usize,
}

impl Page {
    /// Reads `_limit` and `_offset`. Without a configured page size, the page is the whole list: UltraCart
    /// documents no paging for these lists.
    pub(super) fn parse(context: &Context<'_>, total: usize) -> Result<Self, ApiError> {
        let Some(page_size) = context.settings.page_size else {
            return Ok(Self { limit: total, offset: 0, total });
        };
        let query = context.request.uri().query().unwrap_or_default();
        let number = |wanted: &str| {
            let sent = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
            let parse = |(_, text): (_, std::borrow::Cow<'_, str>)| {
                text.parse::<usize>()
                    .map_err(|_| ApiError::bad_request(format!("{wanted} must be a whole number.")))
            };
            sent.map(parse).transpose()
        };
        let most = page_size.max(1);
        let limit = number("_limit")?.filter(|limit| *limit > 0).map_or(most, |limit| limit.min(most));
        Ok(Self { limit, offset: number("_offset")?.unwrap_or(0), total })
    }

    /// Returns a response with the items of this page.
    pub(super) fn response<T>(
        &self,
        name: &str,
        items: impl Iterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) -> BufferedResponse {
        let count = self.total.saturating_sub(self.offset).min(self.limit);
        let next = self.offset.saturating_add(count);
        let more = next < self.total;
        let mut result_set = Map::new();
        let mut set = |name: &str, value: Value| result_set.insert(name.to_owned(), value);
        set("count", count.into());
        set("limit", self.limit.into());
        set("offset", self.offset.into());
        set("more", more.into());
        set("total_records", self.total.into());
        if more {
            set("next_offset", next.into());
        }
        let metadata = serde_json::json!({"payload_name": name, "result_set": result_set});
        let mut json = format!(r#"{{"success":true,"metadata":{metadata},"{name}":"#).into_bytes();
        write_list(&mut json, items.skip(self.offset).take(count), write);
        json.push(b'}');
        BufferedResponse::json(StatusCode::OK, json)
    }
}
