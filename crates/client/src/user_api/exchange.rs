//! Sends calls, decodes their responses and reports writes to the cache.

use std::sync::Arc;

use ultracart_transport::{AttemptHook, Call, Error, ErrorKind};

use super::UserApi;
use crate::cache::{Kind, LoadRequest, Write, WriteOutcome};
use crate::operation::Operation;

impl UserApi {
    /// Sends an insert or an update, and returns the object as the server stored it.
    pub(super) async fn store<L: Kind>(
        &self,
        operation: impl Operation<Output = L::Item>,
        write: &Arc<Write<L>>,
    ) -> Result<L::Item, Error> {
        let stored = self.send_write(operation, write).await?;
        write.end(WriteOutcome::Stored(Arc::new(stored.clone())));
        Ok(stored)
    }

    /// Sends a deletion. After a 400, sends `probe` to find out whether the object exists.
    pub(super) async fn delete<L: Kind>(
        &self,
        operation: impl Operation<Output = ()>,
        probe: impl Operation,
        write: &Arc<Write<L>>,
    ) -> Result<(), Error> {
        let error = match self.send_write(operation, write).await {
            Ok(()) => {
                write.end(WriteOutcome::Deleted);
                return Ok(());
            }
            Err(error) => error,
        };
        let is_gone = match error.kind() {
            ErrorKind::NotFound => true,
            ErrorKind::BadRequest => self.send_uncached(probe).await.is_err_and(|error| error.is_not_found()),
            _ => false,
        };
        match (is_gone, error.earlier_attempt_may_have_had_effect()) {
            // An earlier attempt with an unknown outcome has deleted it.
            (true, true) => Ok(()),
            (true, false) => Err(error.with_kind(ErrorKind::NotFound)),
            (false, _) => Err(error),
        }
    }

    /// Sends a write. If its call fails, this function calls `Write::end`. If its call succeeds, the caller
    /// must call `Write::end`.
    async fn send_write<L: Kind, O: Operation>(
        &self,
        operation: O,
        write: &Arc<Write<L>>,
    ) -> Result<O::Output, Error> {
        let call = operation.call()?;
        let result = self.exchange(operation, call, Some(Arc::clone(write) as Arc<dyn AttemptHook>)).await;
        result.map(|(output, _)| output).inspect_err(|error| {
            let is_refused =
                matches!(error.status(), Some(400..500)) && !error.earlier_attempt_may_have_had_effect();
            write.end(if is_refused { WriteOutcome::Refused } else { WriteOutcome::Unknown });
        })
    }

    /// Sends the call of a load. Returns the output of the operation and the number of attempts.
    pub(super) async fn send_load<O: Operation>(
        &self,
        operation: O,
        load: &LoadRequest,
    ) -> Result<(O::Output, u32), Error> {
        let call = operation.call()?.cache(load.label).priority(load.priority);
        self.exchange(operation, call, load.hook.clone()).await
    }

    /// Sends a call that neither reads nor changes the cache.
    async fn send_uncached<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        let call = operation.call()?;
        self.exchange(operation, call, None).await.map(|(output, _)| output)
    }

    async fn exchange<O: Operation>(
        &self,
        operation: O,
        call: Call,
        hook: Option<Arc<dyn AttemptHook>>,
    ) -> Result<(O::Output, u32), Error> {
        let name = call.operation;
        let response = self.client.transport.send_with_hook(call, hook).await?;
        let (attempts, status) = (response.attempts, response.status.as_u16());
        let output = operation.decode(&response);
        let output =
            output.map_err(|error| error.with_operation(name).with_attempts(attempts).with_status(status))?;
        Ok((output, attempts))
    }
}
