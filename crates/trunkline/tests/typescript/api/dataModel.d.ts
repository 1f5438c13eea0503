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
  | "invitations"
  | "messages"
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
  organizations: Account;
  subscriptions: Subscription;
  users: User;
};

/** A row of a table. */
export type Doc<Table extends keyof DataModel> = DataModel[Table];

/** An organization, with what it pays for and what it may have. */
export type Account = {
  /** `org_…` */
  _id: Id<"organizations">;
  /** When it was made. */
  _creationTime: Time;
  /** What people call it. */
  name: string;
  /** Where bills go. */
  billingEmail?: string;
  /** What other systems call it. */
  externalIds: Array<ExternalId>;
  /** The payments vendor's id of its subscription. */
  subscriptionId?: string;
  /** Where the subscription stands. */
  subscriptionStatus?: PlanStatus;
  /** What was bought. */
  planId?: string;
  /** Until when it costs nothing. */
  trialEndsAt?: Time;
  /** When the subscription ends or ended. */
  endsAt?: Time;
  /** How many customers it may have. */
  maxCustomers: number;
  /** How many people of its own it may have. */
  maxStaff: number;
  /** How many people of its customers it may have. */
  maxClients: number;
  /** When it was made. */
  createdAt: Time;
  /** When its own fields changed for the last time. */
  updatedAt: Time;
};

/** An API key, without what is shown. */
export type ApiKey = {
  /** `key_…` */
  _id: Id<"apiKeys">;
  /** When it was made. */
  _creationTime: Time;
  /** What people call it. */
  name: string;
  /** What it may do. */
  role: Role;
  /** The operations it may call: `customers:list`, or `customers:*`. Empty is all that its role allows. */
  scopes: Array<string>;
  /** Its last four characters. */
  hint: string;
  /** Until when it is good; for good when it is absent. */
  expiresAt?: Time;
  /** While it is rotated: until when the one before is good too. */
  previousUntil?: Time;
  /** When it was revoked. */
  revokedAt?: Time;
  /** When it was shown the last time, to the minute. */
  lastUsedAt?: Time;
};

/** A staff member who looks after a customer. */
export type Assigned = {
  /** The assignment. */
  assignmentId: Id<"assignments">;
  /** `usr_…` */
  _id: Id<"users">;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** Their address. */
  email: string;
};

/** Who did what to what, when, from where. */
export type AuditEntry = {
  /** `aud_…` */
  _id: Id<"auditEntries">;
  /** When it was done. */
  _creationTime: Time;
  /** The operation. */
  operation: string;
  /** The person, where it was one. */
  userId?: string;
  /** What they are called. */
  actor: string;
  /** Who acted as this person. */
  impersonatorId?: string;
  /** What those are called. */
  impersonator?: string;
  /** `token`, `key`, `operator` or `anonymous`. */
  means: string;
  /** The id of what it was done to. */
  subject?: string;
  /** The arguments as JSON, without what is secret. */
  arguments: string;
  /** The address that it came from. */
  origin?: string;
};

/** One page of a list. */
export type AuditEntryPage = PaginationResult<AuditEntry>;

/** Where an organization's subscription stands. What is not known is null. */
export type BillingInfo = {
  /** What the organization is called. */
  name: string;
  /** The vendor's id of the subscription. */
  subscriptionId: string | null;
  /** Where it stands. */
  subscriptionStatus: PlanStatus | null;
  /** What was bought. */
  planId: string | null;
  /** Until when it costs nothing. */
  trialEndsAt: Time | null;
  /** When it ends or ended. */
  endsAt: Time | null;
  /** Whether it costs nothing for now. */
  isTrialing: boolean;
  /** For how many days more, the day that has begun included. */
  trialDaysRemaining: number | null;
};

/** Somebody to turn to. */
export type Colleague = {
  /** `usr_…` */
  _id: Id<"users">;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** Their address. */
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
  /** The account as the vendor names it in events: a phone number id. */
  account: string;
  /** What people call it. */
  name: string;
};

/** A person who writes to an organization. */
export type Contact = {
  /** `cnt_…` */
  _id: Id<"contacts">;
  /** When it was first heard of. */
  _creationTime: Time;
  /** The name for people. */
  name?: string;
  /** The number, as `+` and digits; people may hide it. */
  phone?: string;
  /** The name that the person chose on a channel. */
  username?: string;
  /** Everything it is called now. */
  identities: Array<ContactIdentity>;
};

/** What a contact is called on a channel. */
export type ContactIdentity = {
  /** The channel. */
  channel: string;
  /** What sort of name it is. */
  kind: ContactIdentityKind;
  /** The name. */
  value: string;
};

/** A sort of name. The order is how much each says about who a person is. */
export type ContactIdentityKind =
  /** The vendor's id of the person for one business. It is never given to another person. */
  | "bsuid"
  /** The same for the business above. */
  | "parent_bsuid"
  /** A phone number. It may be given to another person one day. */
  | "phone"
  /** A chosen name. It says nothing: anybody may take one that was given up. */
  | "username";

/** One page of a list. */
export type ContactPage = PaginationResult<Contact>;

/** A thread with a contact on one channel. */
export type Conversation = {
  /** `cnv_…` */
  _id: Id<"conversations">;
  /** When it began. */
  _creationTime: Time;
  /** With whom. */
  contactId: Id<"contacts">;
  /** What the contact is called. */
  contactName?: string;
  /** The contact's number, as `+` and digits. */
  contactPhone?: string;
  /** The channel: `whatsapp`. */
  channel: string;
  /** The connection that the last message came through. */
  connectionId?: string;
  /** Where it stands. */
  status: ConversationStatus;
  /** Messages that nobody has looked at. */
  unreadCount: number;
  /** When the newest message was written. */
  lastMessageAt: Time;
  /** How the newest message begins. */
  lastMessagePreview?: string;
};

/** One page of a list. */
export type ConversationPage = PaginationResult<Conversation>;

/** Where a conversation stands. */
export type ConversationStatus =
  /** Messages go here. */
  | "open"
  /** Over. The next message begins another one. */
  | "closed"
  /** Emptied into another when its contact was merged. */
  | "merged";

/** A client company of an organization. */
export type Customer = {
  /** `cus_…` */
  _id: Id<"customers">;
  /** When it was made. */
  _creationTime: Time;
  /** Whose customer it is. */
  orgId: Id<"organizations">;
  /** What it is called. */
  name: string;
  /** Where it is written to. */
  email?: string;
  /** What the organization notes about it. */
  notes?: string;
  /** When it was made. */
  createdAt: Time;
  /** When it was changed for the last time. */
  updatedAt: Time;
};

/** A file of customers that is or was imported, and how far that has come. */
export type CustomerImport = {
  /** `imp_…` */
  _id: Id<"customerImports">;
  /** When it began. */
  _creationTime: Time;
  /** What the file is called. */
  fileName?: string;
  /** Who began it. */
  startedBy: string;
  /** Where it stands. */
  status: ImportStatus;
  /** Rows of the file. */
  rows: number;
  /** Rows that were worked off. */
  done: number;
  /** Rows that became customers. */
  imported: number;
  /** Rows that did not. Why is in `customers:pageImportErrors`. */
  rejected: number;
  /** When it moved for the last time. */
  updatedAt: Time;
  /** When it ended. */
  finishedAt?: Time;
};

/** One page of a list. */
export type CustomerImportPage = PaginationResult<CustomerImport>;

/** One page of a list. */
export type CustomerPage = PaginationResult<Customer>;

/** How many customers there are, and how many the plan allows. */
export type CustomerUsage = {
  /** How many there are. */
  count: number;
  /** How many there may be. */
  max: number;
  /** How many more there may be. */
  remaining: number;
  /** Whether there may be no more. */
  atLimit: boolean;
};

/**
 * What becomes of a customer that is there already, or stands in the file twice. A customer is recognised by the e-mail
 * address, or by the name where there is no address; upper and lower case are the same.
 */
export type Duplicates =
  /** It is left out, and named among the errors. */
  | "skip"
  /** It is imported as another one. */
  | "import";

/** How an export is written. */
export type ExportFormat =
  /** One line for each entry, and one with the names of the columns at the beginning of the first part. */
  | "csv"
  /** One JSON object on each line. */
  | "jsonl";

/** What another system calls an organization. */
export type ExternalId = {
  /** The other system. */
  provider: string;
  /** The id there. */
  id: string;
};

/** Where an import stands. */
export type ImportStatus =
  /** It is worked off, or waits for that. */
  | "running"
  /** All rows were worked off. */
  | "done"
  /** Somebody stopped it. What was imported until then stays. */
  | "cancelled";

/** An invitation. */
export type InvitationRef = {
  /** `inv_…` */
  invitationId: Id<"invitations">;
};

/** Somebody who is or was in the organization. */
export type ListedMember = {
  /** `usr_…` */
  _id: Id<"users">;
  /** When they signed in for the first time. */
  _creationTime: Time;
  /** Their address; empty where nobody vouches for one. */
  email: string;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** The address of a picture. */
  profilePictureUrl?: string;
  /** What they may do. */
  role?: Role;
  /** The organization. */
  orgId?: Id<"organizations">;
  /** Whose person a client is. */
  customerId?: Id<"customers">;
  /** When they signed in for the first time. */
  createdAt: Time;
  /** When something about them changed for the last time. */
  updatedAt: Time;
  /** What a client's company is called. */
  customerName?: string;
  /** When they were removed. */
  deletedAt?: Time;
  /** Whether they still are. */
  status: MemberStatus;
  /** What to call them. */
  displayName: string;
};

/** One page of a list. */
export type ListedMemberPage = PaginationResult<ListedMember>;

/** How many people there are. */
export type MemberCounts = {
  /** People of the organization itself: everybody but clients. */
  staffCount: number;
  /** People of its customers. */
  clientCount: number;
  /** Invitations that nobody has accepted yet. */
  pendingCount: number;
  /** Everybody who is there. */
  totalActive: number;
};

/** Whether somebody still is in the organization. */
export type MemberStatus =
  /** They are. */
  | "active"
  /** They were, and can be brought back. */
  | "removed";

/** A message of a conversation. */
export type Message = {
  /** `msg_…` */
  _id: Id<"messages">;
  /** When it was stored. */
  _creationTime: Time;
  /** The conversation. */
  conversationId: Id<"conversations">;
  /** The vendor that told of it. */
  provider: string;
  /** The vendor's id. */
  externalId: string;
  /** Who wrote it. */
  direction: MessageDirection;
  /** `text`, `image`, `interactive`, … */
  type: string;
  /** What a person would read. */
  text?: string;
  /** What it holds; its form follows from the type. */
  content: any;
  /** The message that it answers, by the vendor's id. */
  replyTo?: string;
  /** How far it has come. */
  status: MessageStatus;
  /** When it was written, by the vendor's clock. */
  occurredAt: Time;
  /** When the vendor had it. */
  sentAt?: Time;
  /** When it was on the person's phone. */
  deliveredAt?: Time;
  /** When it was seen. */
  readAt?: Time;
  /** When it failed. */
  failedAt?: Time;
  /** Why it failed. */
  error?: string;
};

/** Who wrote a message. */
export type MessageDirection =
  /** The contact. */
  | "inbound"
  /** The organization. */
  | "outbound";

/** One page of a list. */
export type MessagePage = PaginationResult<Message>;

/** How far a message has come. */
export type MessageStatus =
  /** It came to us. */
  | "received"
  /** The vendor has it. */
  | "sent"
  /** It cannot be delivered. */
  | "failed"
  /** It is on the person's phone. */
  | "delivered"
  /** It was seen. */
  | "read";

/** A key that was just made, or rotated: the only time that it is seen. */
export type NewKey = {
  /** `key_…` */
  _id: Id<"apiKeys">;
  /** What programs show: keep it, it is not seen again. */
  key: string;
};

/** A part of a file. */
export type Part = {
  /** The text. */
  text: string;
  /** Whether it is the last part. */
  isDone: boolean;
  /** Where the next part begins. */
  continueCursor: string;
};

/** An invitation that waits to be accepted. */
export type PendingInvitation = {
  /** `inv_…` */
  _id: Id<"invitations">;
  /** When it was sent for the first time. */
  _creationTime: Time;
  /** Where it was sent. */
  email: string;
  /** Who asked them to join. */
  orgId: Id<"organizations">;
  /** What they will be. */
  role: Role;
  /** Whose person a client will be. */
  customerId?: Id<"customers">;
  /** Who sent it; absent where that was no person. */
  inviterUserId?: Id<"users">;
  /** When it was sent for the first time. */
  createdAt: Time;
  /** Until when it can be accepted. */
  expiresAt: Time;
  /** What the client's company is called. */
  customerName?: string;
};

/** One page of a list. */
export type PendingInvitationPage = PaginationResult<PendingInvitation>;

/** A plan. */
export type PlanStats = {
  /** What people call it. */
  name: string;
  /** Where the subscription stands; `inactive` without one. */
  status: PlanStatus;
  /** What was bought; null without a subscription. */
  planId: string | null;
};

/** Where a subscription stands, for front ends. */
export type PlanStatus =
  /** There is none, or it never began. */
  | "inactive"
  /** It runs. */
  | "active"
  /** It runs, and costs nothing yet. */
  | "trialing"
  /** It was called off; it may run until its end. */
  | "cancelled"
  /** It runs, though a payment is late. */
  | "past_due"
  /** It was not paid, and rests. */
  | "unpaid"
  /** It rests. */
  | "paused";

/** What an import would do. */
export type Preview = {
  /** What stands between the fields of the file. */
  separator: Separator;
  /** The column with the names, as the file calls it. */
  nameColumn: string;
  /** The column with the e-mail addresses. */
  emailColumn?: string;
  /** The column with the notes. */
  notesColumn?: string;
  /** Columns that are not imported. */
  ignoredColumns: Array<string>;
  /** Rows of the file. */
  rows: number;
  /** Rows that would become customers, if there is room for them. */
  valid: number;
  /** Rows that would not. */
  rejected: number;
  /** The first rows that would become customers. */
  first: Array<PreviewedRow>;
  /** Why rows would not; the first hundred reasons. */
  errors: Array<RowError>;
  /** Whether the plan allows so many customers. */
  room: RoomFor;
};

/** A row that would become a customer. */
export type PreviewedRow = {
  /** Where it stands in the file. */
  line: number;
  /** What it is called. */
  name: string;
  /** Where it is written to. */
  email?: string;
  /** What the organization notes about it. */
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

/** What a plan has room for. */
export type RoomFor = {
  /** Customers that there are. */
  count: number;
  /** Customers that there may be. */
  max: number;
  /** Whether all valid rows fit. */
  isEnough: boolean;
};

/** Why a row does not become a customer. */
export type RowError = {
  /** The line of the file on which the row begins, counted from 1. */
  line: number;
  /** The column, as the file calls it, where it is about one. */
  column?: string;
  /** A stable name for programs, such as `email_invalid`. */
  code: string;
  /** What is wrong, and what to do. */
  message: string;
};

/** One page of a list. */
export type RowErrorPage = PaginationResult<RowError>;

/** The sign between two fields. */
export type Separator =
  /** `,` */
  | "comma"
  /** `;` */
  | "semicolon"
  /** A tab. */
  | "tab";

/** What an organization chose, with the defaults where it did not. */
export type Settings = {
  /** Where its days begin: a name such as `Europe/Berlin`. */
  timeZone: string;
  /** How its numbers and dates are written: a tag such as `en` or `pt-BR`. */
  locale: string;
  /** Which day its weeks begin with: 1 is Monday, 7 is Sunday. */
  weekStartsOn: number;
};

/** Where somebody stands. */
export type Standing = {
  /** Whether they are in an organization. */
  hasOrg: boolean;
  /** Whether they are signed in. */
  isAuthenticated: boolean;
  /** What they may do. */
  role?: Role;
  /** Who they are. */
  userId?: Id<"users">;
};

/** Whether you acted as somebody. */
export type Stopped = {
  /** Whether you did. */
  stopped: boolean;
};

/** What an organization pays for. */
export type Subscription = {
  /** `sub_…` */
  _id: Id<"subscriptions">;
  /** When it was first heard of. */
  _creationTime: Time;
  /** The vendor. */
  provider: string;
  /** The vendor's id. */
  externalId: string;
  /** The vendor's id of the customer. */
  customerId?: string;
  /** Where it stands. A cancelled one may be used until `endsAt`. */
  status: SubscriptionStatus;
  /** The same in the vendor's word. */
  vendorStatus: string;
  /** The product, or the price where no product is known. */
  planId?: string;
  /** What people call it. */
  planName?: string;
  /** The price or variant of the product. */
  priceId?: string;
  /** The begin of the period that is paid for. */
  currentPeriodStart?: Time;
  /** Its end. */
  currentPeriodEnd?: Time;
  /** Until when it costs nothing. */
  trialEndsAt?: Time;
  /** Whether it ends with the period. */
  cancelAtPeriodEnd: boolean;
  /** When it ends or ended. */
  endsAt?: Time;
  /** The limit of customers, the client companies. */
  maxCustomers?: number;
  /** The limit of members with any role but client. */
  maxStaff?: number;
  /** The limit of members with the role client. */
  maxClients?: number;
};

/** Where a subscription stands, in the order in which subscriptions live. */
export type SubscriptionStatus =
  /** Not begun: the first payment is missing. */
  | "incomplete"
  /** In use, and free for now. */
  | "trialing"
  /** In use and paid. */
  | "active"
  /** In use, and a payment is late. */
  | "past_due"
  /** Payments were given up. */
  | "unpaid"
  /** At rest. */
  | "paused"
  /** Called off: it runs until its end, and no longer. */
  | "cancelled"
  /** Over, or never begun. */
  | "inactive";

/** Where somebody stands after they signed in. */
export type Synced = {
  /** Whether they are known now. */
  synced: boolean;
  /** Whether they are in an organization. */
  hasOrg: boolean;
  /** In which one. */
  orgId?: Id<"organizations">;
  /** What they are there. */
  role?: Role;
};

/** A point in time, in milliseconds since 1970-01-01 UTC: in Rust, in both databases and on the wire. */
export type Time = number;

/** What an organization has. */
export type Usage = {
  /** Client companies. */
  customers: Used;
  /** People of the organization itself, with those who were invited. */
  staff: Used;
  /** People of its customers, with those who were invited. */
  clients: Used;
};

/** What an organization has, and what its plan allows. */
export type UsageStats = {
  /** The plan. */
  plan: PlanStats;
  /** What it has. */
  usage: Usage;
};

/** How many there are of how many there may be. */
export type Used = {
  /** How many there are. */
  count: number;
  /** How many there may be. */
  max: number;
};

/** A person, and what they are in the organization that the caller acts in. */
export type User = {
  /** `usr_…` */
  _id: Id<"users">;
  /** When they signed in for the first time. */
  _creationTime: Time;
  /** Their address; empty where nobody vouches for one. */
  email: string;
  /** The given name. */
  firstName?: string;
  /** The family name. */
  lastName?: string;
  /** The address of a picture. */
  profilePictureUrl?: string;
  /** What they may do. */
  role?: Role;
  /** The organization. */
  orgId?: Id<"organizations">;
  /** Whose person a client is. */
  customerId?: Id<"customers">;
  /** When they signed in for the first time. */
  createdAt: Time;
  /** When something about them changed for the last time. */
  updatedAt: Time;
};
