//! A simulated account with a webhook.

use http::header::AUTHORIZATION;
use ultracart_client::model::UserId;
use ultracart_client::webhook::Receiver;
use ultracart_client::{Client, Config, UserApi};
use ultracart_sim::{Sim, SimBuilder, Webhook};

use crate::client;

/// A simulated account with a client that receives its webhook deliveries when the test calls
/// [`deliver`](Account::deliver).
pub(crate) struct Account {
    pub(crate) sim: Sim,
    pub(crate) client: Client,
    pub(crate) api: UserApi,
    receiver: Receiver,
}

impl Account {
    pub(crate) fn new(builder: SimBuilder) -> Self {
        Self::with(builder, Webhook::new(), Config::default())
    }

    pub(crate) fn with(builder: SimBuilder, webhook: Webhook, config: Config) -> Self {
        let sim = builder.webhook(webhook.basic_auth("ultracart", "only-a-test")).build();
        let client = client(&sim, config);
        let (api, receiver) = (client.user_api(), client.webhook().basic_auth("ultracart", "only-a-test"));
        Self { sim, client, api, receiver }
    }

    /// Delivers the events that are due and returns their number.
    pub(crate) fn deliver(&self) -> usize {
        let deliveries = self.sim.take_deliveries();
        let events = deliveries.iter().map(|delivery| {
            let credentials = delivery.headers()[AUTHORIZATION].as_bytes();
            self.receiver.receive(Some(credentials), delivery.body()).unwrap().events.len()
        });
        events.sum()
    }

    pub(crate) fn id(&self, index: usize) -> UserId {
        self.sim.users()[index].user_id.unwrap()
    }

    /// Renames a user without the client, as another program would.
    pub(crate) fn rename(&self, id: UserId, name: &str) {
        assert!(self.sim.edit_user(id, |user| user.full_name = Some(name.into())));
    }

    /// Reads the name of a user from the list of users.
    pub(crate) async fn name(&self, id: UserId) -> String {
        self.api.get_users().await.unwrap().get(id).unwrap().full_name.as_deref().unwrap().to_owned()
    }
}
