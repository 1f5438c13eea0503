// Made by `trunkline codegen typescript`: do not edit.
import type { FunctionReference, PaginationOptions } from "convex/server";
import type {
  Account,
  ApiKey,
  Assigned,
  AuditEntryPage,
  BillingInfo,
  Colleague,
  Connection,
  Contact,
  ContactPage,
  Conversation,
  ConversationPage,
  Customer,
  CustomerImport,
  CustomerImportPage,
  CustomerPage,
  CustomerUsage,
  Duplicates,
  ExportFormat,
  Id,
  InvitationRef,
  ListedMember,
  ListedMemberPage,
  MemberCounts,
  MessagePage,
  NewKey,
  Part,
  PendingInvitation,
  PendingInvitationPage,
  Preview,
  Role,
  RowErrorPage,
  Settings,
  Standing,
  Stopped,
  Subscription,
  Synced,
  Time,
  UsageStats,
  User,
} from "./dataModel.js";

/** Every operation, by its module and name: what the hooks and clients of Convex take. */
export declare const api: {
  apiKeys: {
    /**
     * Make an API key. The answer is the only time that it is seen.
     *
     * Roles: owner, admin.
     */
    create: FunctionReference<"mutation", "public", {
      /** What people call it. */
      name: string;
      /** What it may do. An admin cannot make one that may do more than they may. */
      role: Role;
      /** The operations it may call: `customers:list`, or `customers:*`. Empty is all that its role allows. */
      scopes?: Array<string>;
      /** Until when it is good, in milliseconds; for good when it is absent. */
      expiresAt?: Time | null;
    }, NewKey>;
    /**
     * The API keys of the organization, the newest first, also those that were revoked.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<ApiKey>>;
    /**
     * Revoke an API key, at once.
     *
     * Roles: owner, admin.
     */
    revoke: FunctionReference<"mutation", "public", {
      /** `key_…` */
      apiKeyId: Id<"apiKeys">;
    }, ApiKey>;
    /**
     * Replace an API key. The one before is good for a while too, so that programs can be changed over.
     *
     * Roles: owner, admin.
     */
    rotate: FunctionReference<"mutation", "public", {
      /** `key_…` */
      apiKeyId: Id<"apiKeys">;
      /** How long the one before is good, in milliseconds; a day when it is absent, at most 30 days. */
      graceMs?: number | null;
    }, NewKey>;
  };
  assignments: {
    /**
     * Let a staff member look after a customer. Whoever does already goes on.
     *
     * Roles: owner, admin.
     */
    assign: FunctionReference<"mutation", "public", {
      /** Which customer. */
      customerId: Id<"customers">;
      /** Who. */
      userId: Id<"users">;
    }, Assigned>;
    /**
     * The staff who look after a customer.
     *
     * Roles: owner, admin, staff, viewer.
     */
    listAssigned: FunctionReference<"query", "public", {
      /** Which one. */
      customerId: Id<"customers">;
    }, Array<Assigned>>;
    /**
     * The staff who do not look after a customer yet.
     *
     * Roles: owner, admin.
     */
    listAvailable: FunctionReference<"query", "public", {
      /** Which one. */
      customerId: Id<"customers">;
    }, Array<Colleague>>;
    /**
     * Take a customer from a staff member: they see it no more.
     *
     * Roles: owner, admin.
     */
    unassign: FunctionReference<"mutation", "public", {
      /** Which customer. */
      customerId: Id<"customers">;
      /** From whom. */
      userId: Id<"users">;
    }, Assigned>;
  };
  audit: {
    /**
     * A part of the audit log as a file: put the parts one behind the other.
     *
     * Roles: owner, admin.
     */
    export: FunctionReference<"query", "public", {
      /** How it is written. */
      format: ExportFormat;
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, Part>;
    /**
     * The audit log, page by page, the newest line first.
     *
     * Roles: owner, admin.
     */
    page: FunctionReference<"query", "public", {
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, AuditEntryPage>;
  };
  billing: {
    /**
     * Where your organization's subscription stands.
     *
     * Roles: owner, admin.
     */
    info: FunctionReference<"query", "public", {}, BillingInfo>;
    /**
     * What your organization has, and what its plan allows.
     *
     * Roles: owner, admin, staff, viewer.
     */
    usageStats: FunctionReference<"query", "public", {}, UsageStats>;
  };
  connections: {
    /**
     * The accounts at vendors that your organization has connected, oldest first.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<Connection>>;
  };
  contacts: {
    /**
     * All contacts of your organization, newest first; at most 1,000.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<Contact>>;
    /**
     * The contacts of your organization, page by page, the newest first.
     *
     * Roles: owner, admin.
     */
    page: FunctionReference<"query", "public", {
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, ContactPage>;
  };
  conversations: {
    /**
     * All conversations of your organization, those with the newest messages first; at most 1,000.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<Conversation>>;
    /**
     * The conversations of your organization, page by page, those with the newest messages first.
     *
     * Roles: owner, admin.
     */
    page: FunctionReference<"query", "public", {
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, ConversationPage>;
  };
  customers: {
    /**
     * Stop an import. What it imported until then stays.
     *
     * Roles: owner, admin.
     */
    cancelImport: FunctionReference<"mutation", "public", {
      /** Which one. */
      importId: Id<"customerImports">;
    }, CustomerImport>;
    /**
     * Create a customer. A staff member who creates one is assigned to it.
     *
     * Roles: owner, admin, staff.
     */
    create: FunctionReference<"mutation", "public", {
      /** What it is called. */
      name: string;
      /** Where it is written to. */
      email?: string | null;
      /** What you note about it. */
      notes?: string | null;
    }, Customer>;
    /**
     * Delete a customer that nobody depends on any more.
     *
     * Roles: owner, admin.
     */
    delete: FunctionReference<"mutation", "public", {
      /** Which one. */
      customerId: Id<"customers">;
    }, Customer>;
    /**
     * A part of the customers that you see as a CSV file, newest first: put the parts one behind the other.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    export: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, Part>;
    /**
     * One customer.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    get: FunctionReference<"query", "public", {
      /** Which one. */
      customerId: Id<"customers">;
    }, Customer>;
    /**
     * The customer that you are a client of; null when you are none.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    getMine: FunctionReference<"query", "public", {}, Customer | null>;
    /**
     * Import customers from a file. It goes on in the background: watch it with `customers:importStatus`. Rows that are
     * wrong are left out and named; an organization imports one file at a time.
     *
     * Roles: owner, admin.
     */
    import: FunctionReference<"mutation", "public", {
      /**
       * The file: CSV with a first line that names the columns, separated by commas, semicolons or tabs; up to 5 MB and
       * 20,000 rows.
       */
      csv: string;
      /** What the file is called, for those who look at the list of imports. */
      fileName?: string | null;
      /** The column with the names, by what it is called in the file [default: name] */
      nameColumn?: string | null;
      /** The column with the e-mail addresses [default: email] */
      emailColumn?: string | null;
      /** The column with the notes [default: notes] */
      notesColumn?: string | null;
      /** What becomes of a customer that is there already [default: skip] */
      duplicates?: Duplicates;
    }, CustomerImport>;
    /**
     * How far an import has come.
     *
     * Roles: owner, admin.
     */
    importStatus: FunctionReference<"query", "public", {
      /** Which one. */
      importId: Id<"customerImports">;
    }, CustomerImport>;
    /**
     * All customers that you see, newest first; at most 1,000.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    list: FunctionReference<"query", "public", {}, Array<Customer>>;
    /**
     * The staff who look after the customer that you are a client of.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    myAssignedStaff: FunctionReference<"query", "public", {}, Array<Colleague>>;
    /**
     * A part of the customers that you see, newest first.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    page: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
      /** Only those whose name or e-mail address contains this. */
      search?: string | null;
    }, CustomerPage>;
    /**
     * Why rows of an import did not become customers, page by page, in the order of the file.
     *
     * Roles: owner, admin.
     */
    pageImportErrors: FunctionReference<"query", "public", {
      /** Of which import. */
      importId: Id<"customerImports">;
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, RowErrorPage>;
    /**
     * The imports of your organization, page by page, the newest first.
     *
     * Roles: owner, admin.
     */
    pageImports: FunctionReference<"query", "public", {
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, CustomerImportPage>;
    /**
     * What an import of this file would do. Nothing is written.
     *
     * Roles: owner, admin.
     */
    previewImport: FunctionReference<"query", "public", {
      /**
       * The file: CSV with a first line that names the columns, separated by commas, semicolons or tabs; up to 5 MB and
       * 20,000 rows.
       */
      csv: string;
      /** The column with the names, by what it is called in the file [default: name] */
      nameColumn?: string | null;
      /** The column with the e-mail addresses [default: email] */
      emailColumn?: string | null;
      /** The column with the notes [default: notes] */
      notesColumn?: string | null;
      /** What becomes of a customer that is there already [default: skip] */
      duplicates?: Duplicates;
    }, Preview>;
    /**
     * Go on with an import whose job was given up or cancelled. One that is at work is not disturbed.
     *
     * Roles: owner, admin.
     */
    resumeImport: FunctionReference<"mutation", "public", {
      /** Which one. */
      importId: Id<"customerImports">;
    }, CustomerImport>;
    /**
     * Change a customer. What is not mentioned stays as it is; `null` empties a field.
     *
     * Roles: owner, admin, staff.
     */
    update: FunctionReference<"mutation", "public", {
      /** Which one. */
      customerId: Id<"customers">;
      /** What it is called. */
      name?: string | null;
      /** Where it is written to. */
      email?: string | null;
      /** What you note about it. */
      notes?: string | null;
    }, Customer>;
    /**
     * How many customers there are, and how many the plan allows.
     *
     * Roles: owner, admin, staff, viewer.
     */
    usage: FunctionReference<"query", "public", {}, CustomerUsage>;
  };
  invitations: {
    /**
     * Accept an invitation that was sent to the address that you signed in with; the newest, when you do not say which.
     *
     * For whoever is signed in.
     */
    accept: FunctionReference<"mutation", "public", {
      /** Which one. */
      invitationId?: Id<"invitations"> | null;
    }, User>;
    /**
     * The invitations that wait to be accepted, newest first.
     *
     * Roles: owner, admin.
     */
    listPending: FunctionReference<"query", "public", {}, Array<PendingInvitation>>;
    /**
     * A part of the invitations that wait to be accepted, newest first.
     *
     * Roles: owner, admin.
     */
    page: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, PendingInvitationPage>;
    /**
     * Send an invitation again: it can be accepted for seven days from now.
     *
     * Roles: owner, admin.
     */
    resend: FunctionReference<"mutation", "public", {
      /** Which one. */
      invitationId: Id<"invitations">;
    }, InvitationRef>;
    /**
     * Take an invitation back.
     *
     * Roles: owner, admin.
     */
    revoke: FunctionReference<"mutation", "public", {
      /** Which one. */
      invitationId: Id<"invitations">;
    }, InvitationRef>;
    /**
     * Invite somebody. A client needs a customer.
     *
     * Roles: owner, admin.
     */
    send: FunctionReference<"mutation", "public", {
      /** Where the invitation goes: whoever signs in with this address can accept it. */
      email: string;
      /** What they will be: admin, staff, viewer or client. */
      role: Role;
      /** Whose person a client will be. */
      customerId?: Id<"customers"> | null;
    }, InvitationRef>;
  };
  messages: {
    /**
     * The messages of a conversation, or of your whole organization, page by page, the newest first.
     *
     * Roles: owner, admin.
     */
    page: FunctionReference<"query", "public", {
      /** Only of this conversation. */
      conversationId?: Id<"conversations"> | null;
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, MessagePage>;
  };
  organizations: {
    /**
     * Create an organization: you become its owner. Somebody who is in one already asks in none of theirs.
     *
     * For whoever is signed in.
     */
    create: FunctionReference<"mutation", "public", {
      /** What people call it. */
      name: string;
      /** Where bills go. */
      billingEmail?: string | null;
    }, Account>;
    /**
     * Your organization; null while you have none.
     *
     * Anybody may call it.
     */
    getMine: FunctionReference<"query", "public", {}, Account | null>;
    /**
     * Whether you are in an organization. Anybody may ask.
     *
     * Anybody may call it.
     */
    has: FunctionReference<"query", "public", {}, Standing>;
    /**
     * Change your organization. What is not mentioned stays as it is; `null` empties the address.
     *
     * Roles: owner, admin.
     */
    update: FunctionReference<"mutation", "public", {
      /** What people call it. */
      name?: string | null;
      /** Where bills go. */
      billingEmail?: string | null;
    }, Account>;
  };
  settings: {
    /**
     * What the organization chose, with the defaults where it did not.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    get: FunctionReference<"query", "public", {}, Settings>;
    /**
     * Choose settings; what is absent stays as it is.
     *
     * Roles: owner, admin.
     */
    update: FunctionReference<"mutation", "public", {
      /** Where days begin: a name such as `Europe/Berlin`. */
      timeZone?: string | null;
      /** How numbers and dates are written: a tag such as `en` or `pt-BR`. */
      locale?: string | null;
      /** Which day weeks begin with: 1 is Monday, 7 is Sunday. */
      weekStartsOn?: number | null;
    }, Settings>;
  };
  subscriptions: {
    /**
     * The subscriptions of your organization, newest first: up to 1,000 of them.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<Subscription>>;
  };
  users: {
    /**
     * Change what a member may do. A client needs a customer; nobody else has one.
     *
     * Roles: owner, admin.
     */
    changeRole: FunctionReference<"mutation", "public", {
      /** Whose. */
      userId: Id<"users">;
      /** What they may do from now on. */
      role: Role;
      /** Whose person they are, for a client. */
      customerId?: Id<"customers"> | null;
    }, User>;
    /**
     * As whom you act; null when you are yourself.
     *
     * Anybody may call it.
     */
    impersonationStatus: FunctionReference<"query", "public", {}, User | null>;
    /**
     * Everybody who is or was in the organization, those who are first.
     *
     * Roles: owner, admin, viewer.
     */
    listMembers: FunctionReference<"query", "public", {}, Array<ListedMember>>;
    /**
     * Who you are; null while nobody knows you.
     *
     * Anybody may call it.
     */
    me: FunctionReference<"query", "public", {}, User | null>;
    /**
     * How many people there are.
     *
     * Roles: owner, admin, viewer.
     */
    memberCounts: FunctionReference<"query", "public", {}, MemberCounts>;
    /**
     * A part of those who are or were in the organization.
     *
     * Roles: owner, admin, viewer.
     */
    page: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, ListedMemberPage>;
    /**
     * Remove a member. They can be brought back; until then, they are nobody here.
     *
     * Roles: owner, admin.
     */
    remove: FunctionReference<"mutation", "public", {
      /** Whom. */
      userId: Id<"users">;
    }, User>;
    /**
     * Bring a removed member back, as what they were.
     *
     * Roles: owner, admin.
     */
    restore: FunctionReference<"mutation", "public", {
      /** Whom. */
      userId: Id<"users">;
    }, User>;
    /**
     * Act as another member, with their rights, for up to an hour.
     *
     * Roles: owner, admin.
     */
    startImpersonating: FunctionReference<"mutation", "public", {
      /** As whom. */
      userId: Id<"users">;
    }, User>;
    /**
     * Be yourself again.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    stopImpersonating: FunctionReference<"mutation", "public", {}, Stopped>;
    /**
     * Bring your profile, your membership or your pending invitation up to date.
     *
     * For whoever is signed in.
     */
    sync: FunctionReference<"mutation", "public", {}, Synced>;
    /**
     * Bring your profile, your membership or your pending invitation up to date. Call it after signing in.
     *
     * For whoever is signed in.
     */
    syncCurrent: FunctionReference<"action", "public", {}, Synced>;
  };
};
