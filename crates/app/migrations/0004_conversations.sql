-- Threads with a contact on one channel.
create table conversations (
    org_id text not null,
    id text not null,
    contact_id text not null,
    channel text not null,
    -- The connection that the last message came through.
    connection_id text,
    -- open, closed, or merged: emptied into another when its contact was.
    status text not null,
    unread_count bigint not null default 0,
    last_message_ms bigint not null default 0,
    last_message_preview text,
    created_ms bigint not null,
    primary key (org_id, id)
);
-- One open conversation for each contact and channel, whoever else opens one at the same moment.
create unique index conversations_open on conversations (org_id, contact_id, channel) where status = 'open';
create index conversations_of on conversations (org_id, contact_id);
create index conversations_newest on conversations (org_id, last_message_ms desc, id desc) where status <> 'merged';
