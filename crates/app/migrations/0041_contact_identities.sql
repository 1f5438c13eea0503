-- With the value second: by organization, channel and kind alone a lookup would read every contact of an organization, and
-- both databases choose that when they expect a table to be small.
drop index contact_identities_now;
create unique index contact_identities_now on contact_identities (org_id, value, kind, channel) where valid_to_ms is null;
drop index contact_identities_past;
create index contact_identities_past on contact_identities (org_id, value, kind, channel, valid_to_ms);
