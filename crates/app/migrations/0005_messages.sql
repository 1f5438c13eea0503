-- The messages of conversations. No foreign key: its check would read the conversation's page in every transaction, and
-- make messages of one moment conflicts of one another.
create table messages (
    org_id text not null,
    id text not null,
    conversation_id text not null,
    provider text not null,
    -- The vendor's id. A message that two vendors tell of is one message.
    external_id text not null,
    -- inbound, outbound
    direction text not null,
    type text not null,
    -- What a person would read.
    text text,
    -- JSON.
    content text not null,
    -- The message it answers, by the vendor's id.
    reply_to text,
    -- received, sent, delivered, read, failed
    status text not null,
    sent_ms bigint,
    delivered_ms bigint,
    read_ms bigint,
    failed_ms bigint,
    error text,
    -- When it was written, by the vendor's clock.
    occurred_ms bigint not null,
    created_ms bigint not null,
    primary key (org_id, id),
    unique (org_id, external_id)
);
create index messages_of on messages (org_id, conversation_id, occurred_ms desc, id desc);
create index messages_newest on messages (org_id, occurred_ms desc, id desc);

-- Delivery told before the message itself.
create table early_statuses (
    org_id text not null,
    external_id text not null,
    status text not null,
    at_ms bigint not null,
    error text,
    primary key (org_id, external_id, status)
);
