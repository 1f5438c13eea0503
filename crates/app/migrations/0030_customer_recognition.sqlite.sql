-- By which a customer is recognised in a file: the e-mail address, or the name where there is none, in lower case.
alter table customers add column recognised_by text not null default '';
update customers set recognised_by = lower(coalesce(email, name));
create index customers_recognised on customers (org_id, recognised_by);
