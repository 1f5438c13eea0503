//! Rows of alpha that look like bravo's: the same ids, the same numbers, other texts.
//!
//! Ids are unique in an organization, not among all of them. A statement that finds, counts or changes rows of bravo
//! without naming the organization meets the twins, which come before bravo's own rows in every order.

use super::{
    Hands, Org,
    hand::{Column, names},
};

pub(super) async fn make(hands: &mut Hands, alpha: &Org, bravo: &Org) {
    let mut sql = String::new();
    for (table, columns) in hands.tenant_tables() {
        let list = names(&columns);
        let shifted: Vec<_> = columns.iter().map(|column| alphas(&table, column)).collect();
        // A table with one row for each organization has no room for twins; its rows differ already. A person in both
        // organizations has a row in each.
        if table != "organization_settings" {
            let once = if table == "members" { "on conflict do nothing" } else { "" };
            sql.push_str(&format!(
                "insert into {table} (org_id, {list}) select '{}', {} from {table} where org_id = '{}' {once};",
                alpha.id,
                shifted.join(", "),
                bravo.id
            ));
        }
        sql.push_str(&format!(
            "create temporary table moved as select * from {table} where org_id = '{0}';
             delete from {table} where org_id = '{0}';
             insert into {table} (org_id, {list}) select org_id, {list} from moved;
             drop table moved;",
            bravo.id
        ));
    }
    hands.write(&sql).await;
    let others = others(alpha, bravo);
    hands.write(&others).await;
}

/// Returns the value of a twin: in texts, with the other mark.
fn alphas(table: &str, column: &Column) -> String {
    // Only one import of an organization runs, and alpha has one.
    if table == "customer_imports" && column.name == "\"status\"" {
        return "replace(status, 'running', 'cancelled')".to_owned();
    }
    // Rows that were moved between conversations in bravo were moved elsewhere in alpha.
    let moved = [
        ("messages.\"conversation_id\"", "id in (select item_id from contact_merge_items)"),
        ("contact_merge_items.\"from_id\"", "kind = 'message'"),
    ];
    let own = format!("{table}.{}", column.name);
    if let Some((_, is_moved)) = moved.iter().find(|(name, _)| *name == own) {
        let next = format!("select min(v.id) from conversations v where v.org_id = {table}.org_id");
        return format!("case when {is_moved} then coalesce(({next} and v.id > {own}), ({next})) else {own} end");
    }
    // Vendors' ids may be equal at two accounts, and people write to several organizations.
    let same = ["subscriptions.\"external_id\"", "subscriptions.\"customer_id\"", "contact_identities.\"value\""];
    if same.contains(&own.as_str()) {
        return column.name.clone();
    }
    if column.is_text { format!("replace({}, 'bravo', 'alphatwin')", column.name) } else { column.name.clone() }
}

/// Returns the differences between twins and bravo's rows. In alpha, every member has another role, removed members are
/// clients, admins impersonate the client, some impersonations have expired, and all staff are assigned to all
/// customers. Subscriptions have later versions, and identities are from the future; until then the names are the next
/// person's. The newest contacts are the oldest, alpha's own are newer than all, merged contacts are not merged, and
/// every merge was undone. Conversations are open, newer and unread, messages are read and failed, waiting steps are
/// from the future. What bravo is about to receive and to import is known, and there is room for three more keys.
fn others(alpha: &Org, bravo: &Org) -> String {
    let (a, b) = (&alpha.id, &bravo.id);
    format!(
        "update members set role = case role
                 when 'owner' then 'viewer' when 'admin' then 'staff' when 'staff' then 'owner'
                 when 'viewer' then 'admin' else 'owner' end,
             removed_ms = null
         where org_id = '{a}' and user_id in (select user_id from members where org_id = '{b}');
         update members set role = 'client', customer_id = (select min(id) from customers where org_id = '{b}')
         where org_id = '{a}' and user_id in (select user_id from members where org_id = '{b}' and removed_ms is not null);
         update api_keys set role = case role when 'owner' then 'viewer' else 'owner' end
         where org_id = '{a}' and id in (select id from api_keys where org_id = '{b}');
         update subscriptions set watermark_ms = watermark_ms + 1000000000
         where org_id = '{a}' and external_id in (select external_id from subscriptions where org_id = '{b}');
         update contact_identities set valid_from_ms = 8000000000000000
         where org_id = '{a}' and valid_to_ms is null and kind <> 'phone'
             and contact_id in (select contact_id from contact_identities where org_id = '{b}');
         insert into contact_identities (org_id, id, contact_id, channel, kind, value, valid_from_ms, valid_to_ms)
             select '{a}', 'idn_000000000000000000000' || (1000 + row_number() over (order by i.id)) || '0',
                 coalesce((select min(c.id) from contacts c where c.org_id = i.org_id and c.id > i.contact_id),
                     (select min(c.id) from contacts c where c.org_id = i.org_id)),
                 i.channel, i.kind, i.value, 0, 9000000000000000
             from contact_identities i where i.org_id = '{b}';
         create temporary table moved as select * from contact_identities where org_id = '{b}';
         delete from contact_identities where org_id = '{b}';
         insert into contact_identities select * from moved;
         drop table moved;
         update contacts set created_ms = created_ms + 1000000000 * ((select count(*) from contacts c where c.org_id = '{b}')
                 - 2 * (select count(*) from contacts c where c.org_id = '{b}' and c.id < contacts.id)),
             merged_into = case when merged_into is null then id else null end
         where org_id = '{a}' and id in (select id from contacts where org_id = '{b}');
         update contacts set created_ms = created_ms + 100000000000
         where org_id = '{a}' and id not in (select id from contacts where org_id = '{b}');
         update contact_merges set undone_ms = case when undone_ms is null then merged_ms else null end
         where org_id = '{a}' and id in (select id from contact_merges where org_id = '{b}');
         insert into contact_merge_items (org_id, merge_id, kind, item_id, from_id)
             select '{a}', m.id, 'identity', i.id, m.merged_id from contact_merges m
             join contact_identities i on i.org_id = m.org_id and i.contact_id = m.kept_id where m.org_id = '{b}'
             union select '{a}', m.id, 'conversation', v.id, m.merged_id from contact_merges m
             join conversations v on v.org_id = m.org_id and v.contact_id = m.kept_id where m.org_id = '{b}'
             union select '{a}', m.id, 'message', e.id, v.id from contact_merges m
             join conversations v on v.org_id = m.org_id and v.contact_id = m.kept_id
             join messages e on e.org_id = v.org_id and e.conversation_id = v.id where m.org_id = '{b}'
             on conflict (org_id, merge_id, kind, item_id) do nothing;
         insert into contact_merges (org_id, id, kept_id, merged_id, merged_ms, undone_ms)
             select '{a}', 'mrg_000000000000000000000' || (1000 + row_number() over (order by k.id, m.id)) || '0', k.id, m.id, 1, 2
             from contacts k join contacts m on m.org_id = k.org_id and m.id <> k.id where k.org_id = '{b}';
         update conversations set status = 'open'
         where org_id = '{a}' and status = 'closed' and id in (select id from conversations where org_id = '{b}')
             and contact_id not in (select contact_id from conversations where org_id = '{a}' and status = 'open');
         update conversations set unread_count = unread_count + 50, last_message_ms = last_message_ms + 100000000000
         where org_id = '{a}' and id in (select id from conversations where org_id = '{b}');
         update messages set read_ms = 1, failed_ms = 1
         where org_id = '{a}' and direction = 'outbound' and id in (select id from messages where org_id = '{b}');
         update messages set external_id = 'b.m5' where org_id = '{a}' and external_id = 'b.dora1';
         insert into impersonations (org_id, user_id, target_id, started_ms, ends_ms)
             select '{a}', user_id, user_id, 0, 1 from members where org_id = '{b}' and role = 'staff';
         update early_statuses set at_ms = 9000000000000 where org_id = '{a}';
         update customers set recognised_by = case
                 when id = (select min(id) from customers where org_id = '{b}') then 'five@bravo.example'
                 else 'bravo imported' end
         where org_id = '{a}' and id in (select id from customers where org_id = '{b}' order by id limit 2);
         insert into api_keys (org_id, id, name, role, scopes, hash, hint, created_ms)
             with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 97)
             select '{a}', 'key_000000000000000000000' || (1000 + n) || '0', 'more', 'viewer', '[]', 'more' || n, 'more', 1 from numbers
             where n <= 97 - (select count(*) from api_keys where org_id = '{a}' and revoked_ms is null);
         insert into impersonations (org_id, user_id, target_id, started_ms, ends_ms)
             select '{a}', m.user_id, (select user_id from members c where c.org_id = '{b}' and c.role = 'client' limit 1),
                 i.started_ms, i.ends_ms
             from members m, impersonations i
             where m.org_id = '{b}' and m.role in ('owner', 'admin') and i.org_id = '{b}'
             on conflict (org_id, user_id) do update set target_id = excluded.target_id;
         insert into assignments (org_id, id, customer_id, user_id, created_ms)
             select '{a}', 'asg_twin_' || c.id || m.user_id, c.id, m.user_id, c.created_ms
             from customers c, members m where c.org_id = '{b}' and m.org_id = '{b}' and m.role = 'staff'
             on conflict (org_id, customer_id, user_id) do nothing;"
    )
}
