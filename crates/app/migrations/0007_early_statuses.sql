-- For the retention: an organization whose messages are sent by another program hears of steps and never of the messages.
create index early_statuses_oldest on early_statuses (org_id, at_ms);
