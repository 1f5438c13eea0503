// Made by `trunkline codegen typescript`: do not edit.
import type { PaginationResult } from "convex/server";
import type { GenericId } from "convex/values";

/** The tables. */
export type TableNames =
  | "apiKeys"
  | "assignments"
  | "auditEntries"
  | "connections"
  | "contacts"
  | "conversations"
  | "customerImports"
  | "customers"
  | "erasures"
  | "invitations"
  | "messages"
  | "organizationExports"
  | "organizations"
  | "subscriptions"
  | "users";

/** The id of a row of a table: a string, which the types keep apart from those of other tables. */
export type Id<Table extends TableNames> = GenericId<Table>;

/** What a row of each table is for clients. */
export type DataModel = {
  apiKeys: ApiKey;
  auditEntries: AuditEntry;
  connections: Connection;
  contacts: Contact;
  conversations: Conversation;
  customerImports: CustomerImport;
  customers: Customer;
  invitations: PendingInvitation;
  messages: Message;
  organizationExports: OrganizationExport;
  organizations: Account;
  subscriptions: Subscription;
  users: User;
};

/** A row of a table. */
export type Doc<Table extends keyof DataModel> = DataModel[Table];

/** An organization, with its subscription and its limits. */
export type Account = {
  /** `org_…` */
  _id: Id<"organizations">;
  /** When the organization was created. */
  _creationTime: Time;
  /** The name. */
  name: string;
  /** The e-mail address for bills. */
  billingEmail?: string;
  /** The ids of the organization in other systems. */
  externalIds: Array<ExternalId>;
  /** The payments vendor's id of the subscription. */
  subscriptionId?: string;
  /** The status of the subscription. */
  subscriptionStatus?: PlanStatus;
  /** The product of the subscription. */
  planId?: string;
  /** The end of the trial. */
  trialEndsAt?: Time;
  /** When the subscription ends or ended. */
  endsAt?: Time;
  /** The number of customers that the plan allows. */
  maxCustomers: number;
  /** The number of members with any role but client that the plan allows. */
  maxStaff: number;
  /** The number of members with the role client that the plan allows. */
  maxClients: number;
  /** When the organization was created. */
  createdAt: Time;
  /** When the organization was last changed. */
  updatedAt: Time;
};

/** An API key, without the secret text. */
export type ApiKey = {
  /** `key_…` */
  _id: Id<"apiKeys">;
  /** When the key was created. */
  _creationTime: Time;
  /** The name that people gave the key. */
  name: string;
  /** The role whose rights the key has. */
  role: Role;
  /** The operations that the key may call: `customers:list`, or `customers:*`. Empty means all that its role allows. */
  scopes: Array<string>;
  /** The last four characters of the key. */
  hint: string;
  /** When the key expires; absent for a key that does not expire. */
  expiresAt?: Time;
  /** While the key is being rotated: until when its previous text is valid too. */
  previousUntil?: Time;
  /** When the key was revoked. */
  revokedAt?: Time;
  /** When the key was last used, to the minute. */
  lastUsedAt?: Time;
};

/** A part of a file of bytes. */
export type ArchivePart = {
  /** The bytes, in base64. */
  text: string;
  /** `base64`. */
  encoding: string;
  /** Whether it is the last part. */
  isDone: boolean;
  /** Where the next part begins. */
  continueCursor: string;
};

/** A staff member who is assigned to a customer. */
export type Assigned = {
  /** The assignment. */
  assignmentId: Id<"assignments">;
  /** `usr_…` */
  _id: Id<"users">;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** The e-mail address. */
  email: string;
};

/** Which caller did what, to which object, when and from where. */
export type AuditEntry = {
  /** `aud_…` */
  _id: Id<"auditEntries">;
  /** When the operation ran. */
  _creationTime: Time;
  /** The operation. */
  operation: string;
  /** The person who called; absent for API keys and operators. */
  userId?: string;
  /** The display name of the caller. */
  actor: string;
  /** The person who impersonated the caller, if any. */
  impersonatorId?: string;
  /** The display name of the impersonator. */
  impersonator?: string;
  /** How the caller was authenticated: `token`, `key`, `operator` or `anonymous`. */
  means: string;
  /** The id of the object that was changed. */
  subject?: string;
  /** The arguments as JSON, without secrets. */
  arguments: string;
  /** The network address of the caller. */
  origin?: string;
};

/** One page of a list. */
export type AuditEntryPage = PaginationResult<AuditEntry>;

/** The subscription of an organization. Fields that are not known are null. */
export type BillingInfo = {
  /** The name of the organization. */
  name: string;
  /** The vendor's id of the subscription. */
  subscriptionId: string | null;
  /** The status of the subscription. */
  subscriptionStatus: PlanStatus | null;
  /** The product of the subscription. */
  planId: string | null;
  /** The end of the trial. */
  trialEndsAt: Time | null;
  /** When the subscription ends or ended. */
  endsAt: Time | null;
  /** Whether the subscription is in its trial. */
  isTrialing: boolean;
  /** The number of days left of the trial, including today. */
  trialDaysRemaining: number | null;
};

/** A member as others see them as a contact. */
export type Colleague = {
  /** `usr_…` */
  _id: Id<"users">;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** The e-mail address. */
  email: string;
};

/** An organization's account at a vendor. */
export type Connection = {
  /** `con_…` */
  _id: Id<"connections">;
  /** When it was added. */
  _creationTime: Time;
  /** The vendor's name in the registry. */
  provider: string;
  /** The account as the vendor's events name it: a phone number id. */
  account: string;
  /** The name of the connection, for people. */
  name: string;
};

/** A person who writes to an organization. */
export type Contact = {
  /** `cnt_…` */
  _id: Id<"contacts">;
  /** When the first event about the contact was stored. */
  _creationTime: Time;
  /** The display name. */
  name?: string;
  /** The phone number, as `+` and digits; people may hide it. */
  phone?: string;
  /** The username that the person chose on a channel. */
  username?: string;
  /** The identities that the contact has now. */
  identities: Array<ContactIdentity>;
};

/** An identity of a contact on a channel. */
export type ContactIdentity = {
  /** The channel. */
  channel: string;
  /** The kind of identity. */
  kind: ContactIdentityKind;
  /** The id, number or username. */
  value: string;
};

/** A kind of identity. The variants are sorted by how reliably they identify a person. */
export type ContactIdentityKind =
  /** The vendor's id of the person for one business. It is never reassigned. */
  | "bsuid"
  /** The same for the parent business. */
  | "parent_bsuid"
  /** A phone number. It may be reassigned to another person. */
  | "phone"
  /** A chosen username. It does not identify a person: another person may take one that was given up. */
  | "username";

/** One page of a list. */
export type ContactPage = PaginationResult<Contact>;

/** A thread with a contact on one channel. */
export type Conversation = {
  /** `cnv_…` */
  _id: Id<"conversations">;
  /** When the conversation began. */
  _creationTime: Time;
  /** The contact. */
  contactId: Id<"contacts">;
  /** The display name of the contact. */
  contactName?: string;
  /** The phone number of the contact, as `+` and digits. */
  contactPhone?: string;
  /** The channel: `whatsapp`. */
  channel: string;
  /** The connection of the newest message. */
  connectionId?: string;
  /** The status. */
  status: ConversationStatus;
  /** The number of unread messages. */
  unreadCount: number;
  /** When the newest message was written. */
  lastMessageAt: Time;
  /** The beginning of the newest message. */
  lastMessagePreview?: string;
};

/** One page of a list. */
export type ConversationPage = PaginationResult<Conversation>;

/** The status of a conversation. */
export type ConversationStatus =
  /** New messages are added to it. */
  | "open"
  /** It has ended. The next message begins another conversation. */
  | "closed"
  /** Its messages were moved to another conversation when its contact was merged. */
  | "merged";

/** A client company of an organization. */
export type Customer = {
  /** `cus_…` */
  _id: Id<"customers">;
  /** When the customer was created. */
  _creationTime: Time;
  /** The organization. */
  orgId: Id<"organizations">;
  /** The name. */
  name: string;
  /** The e-mail address. */
  email?: string;
  /** The notes of the organization about the customer. */
  notes?: string;
  /** When the customer was created. */
  createdAt: Time;
  /** When the customer was last changed. */
  updatedAt: Time;
};

/** An import of customers from a file, and its progress. */
export type CustomerImport = {
  /** `imp_…` */
  _id: Id<"customerImports">;
  /** When the import began. */
  _creationTime: Time;
  /** The name of the file. */
  fileName?: string;
  /** The caller who began the import. */
  startedBy: string;
  /** The status. */
  status: ImportStatus;
  /** The number of rows in the file. */
  rows: number;
  /** The number of rows that were processed. */
  done: number;
  /** The number of rows that became customers. */
  imported: number;
  /** The number of rows that were rejected. The reasons are in `customers:pageImportErrors`. */
  rejected: number;
  /** When the import last made progress. */
  updatedAt: Time;
  /** When the import ended. */
  finishedAt?: Time;
};

/** One page of a list. */
export type CustomerImportPage = PaginationResult<CustomerImport>;

/** One page of a list. */
export type CustomerPage = PaginationResult<Customer>;

/** The number of customers, and the limit of the plan. */
export type CustomerUsage = {
  /** The number of customers. */
  count: number;
  /** The number of customers that the plan allows. */
  max: number;
  /** The number of customers that can still be added. */
  remaining: number;
  /** Whether the limit is reached. */
  atLimit: boolean;
};

/** What became of the wish to delete an organization. */
export type Deletion = {
  /** Where it stands. */
  status: DeletionStatus;
  /** The archive: the one that is being written, or that can still be downloaded. */
  exportId?: Id<"organizationExports">;
  /** The erasure, as the installation's operator sees it. */
  erasureId?: Id<"erasures">;
};

/** Where a deletion stands. */
export type DeletionStatus =
  /** Nothing is deleted: the archive is written first. */
  | "exporting"
  /** The organization is closed and is being erased. */
  | "closed";

/**
 * What to do with a customer that exists already, or appears in the file twice. A customer is recognised by the e-mail
 * address, or by the name where there is no address, without regard to upper and lower case.
 */
export type Duplicates =
  /** The row is left out, and reported among the errors. */
  | "skip"
  /** The row is imported as another customer. */
  | "import";

/** The format of an export. */
export type ExportFormat =
  /** One line for each entry; the first part begins with a line of column names. */
  | "csv"
  /** One JSON object on each line. */
  | "jsonl";

/** Where an export stands. */
export type ExportStatus =
  /** It is being written. */
  | "running"
  /** It can be downloaded. */
  | "done";

/** The id of an organization in another system. */
export type ExternalId = {
  /** The other system. */
  provider: string;
  /** The id there. */
  id: string;
};

/** The status of an import. */
export type ImportStatus =
  /** Rows are being processed, or wait for it. */
  | "running"
  /** All rows were processed. */
  | "done"
  /** The import was stopped. Customers that were imported before stay. */
  | "cancelled";

/** An invitation. */
export type InvitationRef = {
  /** `inv_…` */
  invitationId: Id<"invitations">;
};

/** A current or former member of the organization. */
export type ListedMember = {
  /** `usr_…` */
  _id: Id<"users">;
  /** When the person first signed in. */
  _creationTime: Time;
  /** The e-mail address; empty when no issuer confirms one. */
  email: string;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** The address of a picture. */
  profilePictureUrl?: string;
  /** The role. */
  role?: Role;
  /** The organization. */
  orgId?: Id<"organizations">;
  /** The customer that a client belongs to. */
  customerId?: Id<"customers">;
  /** When the person first signed in. */
  createdAt: Time;
  /** When the person or the membership last changed. */
  updatedAt: Time;
  /** The name of the customer that a client belongs to. */
  customerName?: string;
  /** When the member was removed. */
  deletedAt?: Time;
  /** Whether the person still is a member. */
  status: MemberStatus;
  /** The name to show. */
  displayName: string;
};

/** One page of a list. */
export type ListedMemberPage = PaginationResult<ListedMember>;

/** The number of members. */
export type MemberCounts = {
  /** The number of members with any role but client. */
  staffCount: number;
  /** The number of members with the role client. */
  clientCount: number;
  /** The number of pending invitations. */
  pendingCount: number;
  /** The number of current members. */
  totalActive: number;
};

/** Whether a person still is a member. */
export type MemberStatus =
  /** A member. */
  | "active"
  /** A former member, who can be restored. */
  | "removed";

/** A message of a conversation. */
export type Message = {
  /** `msg_…` */
  _id: Id<"messages">;
  /** When the message was stored. */
  _creationTime: Time;
  /** The conversation. */
  conversationId: Id<"conversations">;
  /** The vendor that reported the message. */
  provider: string;
  /** The vendor's id of the message. */
  externalId: string;
  /** Whether the contact or the organization wrote the message. */
  direction: MessageDirection;
  /** `text`, `image`, `interactive`, … */
  type: string;
  /** The text that people read. */
  text?: string;
  /** The content, whose structure depends on the type. */
  content: any;
  /** The vendor's id of the message that this one answers. */
  replyTo?: string;
  /** The status. */
  status: MessageStatus;
  /** When the message was written, by the vendor's clock. */
  occurredAt: Time;
  /** When the vendor accepted the message. */
  sentAt?: Time;
  /** When the message was delivered to the person's phone. */
  deliveredAt?: Time;
  /** When the message was read. */
  readAt?: Time;
  /** When the message failed. */
  failedAt?: Time;
  /** Why the message failed. */
  error?: string;
};

/** The direction of a message. */
export type MessageDirection =
  /** Written by the contact. */
  | "inbound"
  /** Written by the organization. */
  | "outbound";

/** One page of a list. */
export type MessagePage = PaginationResult<Message>;

/** The status of a message. */
export type MessageStatus =
  /** An incoming message, stored. */
  | "received"
  /** Accepted by the vendor. */
  | "sent"
  /** Failed for good. */
  | "failed"
  /** Delivered to the person's phone. */
  | "delivered"
  /** Read by the person. */
  | "read";

/** A key that was just created or rotated: the only answer that holds its secret text. */
export type NewKey = {
  /** `key_…` */
  _id: Id<"apiKeys">;
  /** The secret text that programs send: keep it, it is not shown again. */
  key: string;
};

/** Everything that an organization has here, in one archive: how far its making has come. */
export type OrganizationExport = {
  /** `exp_…` */
  _id: Id<"organizationExports">;
  /** When it was asked for. */
  _creationTime: Time;
  /** Who asked for it. */
  startedBy: string;
  /** Where it stands. */
  status: ExportStatus;
  /** Tables that are written. */
  tablesDone: number;
  /** Of how many. */
  tables: number;
  /** Rows that are written. */
  rows: number;
  /** The size of the archive so far, in bytes. */
  bytes: number;
  /** When it was done. */
  finishedAt?: Time;
  /** Until when it can be downloaded. */
  expiresAt: Time;
};

/** One page of a list. */
export type OrganizationExportPage = PaginationResult<OrganizationExport>;

/** Whether a caller is signed in, and in an organization. */
export type OrganizationStatus = {
  /** Whether the caller is in an organization. */
  hasOrg: boolean;
  /** Whether the caller is signed in. */
  isAuthenticated: boolean;
  /** The role of the caller. */
  role?: Role;
  /** The id of the caller. */
  userId?: Id<"users">;
};

/** A part of a file. */
export type Part = {
  /** The text. */
  text: string;
  /** Whether this is the last part. */
  isDone: boolean;
  /** The cursor of the next part. */
  continueCursor: string;
};

/** A pending invitation. */
export type PendingInvitation = {
  /** `inv_…` */
  _id: Id<"invitations">;
  /** When the invitation was first sent. */
  _creationTime: Time;
  /** The e-mail address that the invitation was sent to. */
  email: string;
  /** The organization. */
  orgId: Id<"organizations">;
  /** The role that the person will have. */
  role: Role;
  /** The customer that a client will belong to. */
  customerId?: Id<"customers">;
  /** The person who sent the invitation; absent when it was sent by an API key or an operator. */
  inviterUserId?: Id<"users">;
  /** When the invitation was first sent. */
  createdAt: Time;
  /** When the invitation expires. */
  expiresAt: Time;
  /** The name of the customer that a client will belong to. */
  customerName?: string;
};

/** One page of a list. */
export type PendingInvitationPage = PaginationResult<PendingInvitation>;

/** A plan. */
export type PlanStats = {
  /** The name of the plan. */
  name: string;
  /** The status of the subscription; `inactive` without one. */
  status: PlanStatus;
  /** The product of the subscription; null without a subscription. */
  planId: string | null;
};

/** The status of a subscription, for front ends. */
export type PlanStatus =
  /** There is no subscription, or it never began. */
  | "inactive"
  /** The subscription is active. */
  | "active"
  /** The subscription is in its trial. */
  | "trialing"
  /** The subscription was cancelled; it may be used until its end. */
  | "cancelled"
  /** The subscription is active, though a payment is late. */
  | "past_due"
  /** The subscription is suspended because it was not paid. */
  | "unpaid"
  /** The subscription is paused. */
  | "paused";

/** What an import would do. */
export type Preview = {
  /** The separator between the fields of the file. */
  separator: Separator;
  /** The title of the column with the names. */
  nameColumn: string;
  /** The title of the column with the e-mail addresses. */
  emailColumn?: string;
  /** The title of the column with the notes. */
  notesColumn?: string;
  /** The titles of the columns that are not imported. */
  ignoredColumns: Array<string>;
  /** The number of rows in the file. */
  rows: number;
  /** The number of rows that would become customers, as far as the plan allows. */
  valid: number;
  /** The number of rows that would be rejected. */
  rejected: number;
  /** The first rows that would become customers. */
  first: Array<PreviewedRow>;
  /** The first hundred errors of rows that would be rejected. */
  errors: Array<RowError>;
  /** Whether the plan allows that many customers. */
  room: RoomFor;
};

/** A row that would become a customer. */
export type PreviewedRow = {
  /** The line of the file on which the row begins. */
  line: number;
  /** The name of the customer. */
  name: string;
  /** The e-mail address. */
  email?: string;
  /** The notes. */
  notes?: string;
};

/** The role of a person in an organization. */
export type Role =
  /** Owns the organization and may do everything. Every organization has at least one owner. */
  | "owner"
  /** Runs the organization: may do everything except what concerns owners. */
  | "admin"
  /** Works with the customers that are assigned to them. */
  | "staff"
  /** Sees everything and changes nothing. */
  | "viewer"
  /** Belongs to one customer of the organization, and sees the data of that customer. */
  | "client";

/** The number of customers, and the limit of the plan. */
export type RoomFor = {
  /** The number of customers now. */
  count: number;
  /** The number of customers that the plan allows. */
  max: number;
  /** Whether all valid rows fit into the plan. */
  isEnough: boolean;
};

/** The reason why a row does not become a customer. */
export type RowError = {
  /** The line of the file on which the row begins, counted from 1. */
  line: number;
  /** The title of the column, where the error is about one. */
  column?: string;
  /** A stable name for programs, such as `email_invalid`. */
  code: string;
  /** What is wrong, and how to correct it. */
  message: string;
};

/** One page of a list. */
export type RowErrorPage = PaginationResult<RowError>;

/** The separator between two fields. */
export type Separator =
  /** `,` */
  | "comma"
  /** `;` */
  | "semicolon"
  /** A tab. */
  | "tab";

/** The settings of an organization, with defaults where it chose nothing. */
export type Settings = {
  /** The time zone in which its days begin: a name such as `Europe/Berlin`. */
  timeZone: string;
  /** The language tag by which numbers and dates are written, such as `en` or `pt-BR`. */
  locale: string;
  /** The first day of the week: 1 is Monday, 7 is Sunday. */
  weekStartsOn: number;
};

/** Whether an impersonation was stopped. */
export type Stopped = {
  /** Whether you were impersonating a member. */
  stopped: boolean;
};

/** A subscription of an organization at a payments vendor. */
export type Subscription = {
  /** `sub_…` */
  _id: Id<"subscriptions">;
  /** When the first event about the subscription was stored. */
  _creationTime: Time;
  /** The vendor. */
  provider: string;
  /** The vendor's id of the subscription. */
  externalId: string;
  /** The vendor's id of the customer. */
  customerId?: string;
  /** The status. A cancelled subscription may be used until `endsAt`. */
  status: SubscriptionStatus;
  /** The status in the vendor's own word. */
  vendorStatus: string;
  /** The product; the price where the product is not known. */
  planId?: string;
  /** The name of the product or price. */
  planName?: string;
  /** The price or variant of the product. */
  priceId?: string;
  /** The beginning of the period that is paid for. */
  currentPeriodStart?: Time;
  /** The end of the period that is paid for. */
  currentPeriodEnd?: Time;
  /** The end of the trial. */
  trialEndsAt?: Time;
  /** Whether the subscription ends with its current period. */
  cancelAtPeriodEnd: boolean;
  /** When the subscription ends or ended. */
  endsAt?: Time;
  /** The limit of customers, the client companies. */
  maxCustomers?: number;
  /** The limit of members with any role but client. */
  maxStaff?: number;
  /** The limit of members with the role client. */
  maxClients?: number;
};

/** The status of a subscription, in the order of a subscription's life. */
export type SubscriptionStatus =
  /** Not begun: the first payment is missing. */
  | "incomplete"
  /** In use, in its trial. */
  | "trialing"
  /** In use and paid. */
  | "active"
  /** In use, with a payment that is late. */
  | "past_due"
  /** Suspended: the vendor no longer tries to collect the payment. */
  | "unpaid"
  /** Paused. */
  | "paused"
  /** Cancelled: it runs until its end. */
  | "cancelled"
  /** Ended, or never begun. */
  | "inactive";

/** The membership of a person after they signed in. */
export type Synced = {
  /** Whether the person is stored now. */
  synced: boolean;
  /** Whether the person is in an organization. */
  hasOrg: boolean;
  /** The organization. */
  orgId?: Id<"organizations">;
  /** The role. */
  role?: Role;
};

/** A point in time, in milliseconds since 1970-01-01 UTC: in Rust, in both databases and on the wire. */
export type Time = number;

/** The usage of an organization. */
export type Usage = {
  /** Customers. */
  customers: Used;
  /** Members with any role but client, pending invitations included. */
  staff: Used;
  /** Members with the role client, pending invitations included. */
  clients: Used;
};

/** The usage of an organization, and the limits of its plan. */
export type UsageStats = {
  /** The plan. */
  plan: PlanStats;
  /** The usage. */
  usage: Usage;
};

/** A number and its limit. */
export type Used = {
  /** How many there are. */
  count: number;
  /** How many the plan allows. */
  max: number;
};

/** A person, with their membership of the organization that the caller acts in. */
export type User = {
  /** `usr_…` */
  _id: Id<"users">;
  /** When the person first signed in. */
  _creationTime: Time;
  /** The e-mail address; empty when no issuer confirms one. */
  email: string;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** The address of a picture. */
  profilePictureUrl?: string;
  /** The role. */
  role?: Role;
  /** The organization. */
  orgId?: Id<"organizations">;
  /** The customer that a client belongs to. */
  customerId?: Id<"customers">;
  /** When the person first signed in. */
  createdAt: Time;
  /** When the person or the membership last changed. */
  updatedAt: Time;
};
