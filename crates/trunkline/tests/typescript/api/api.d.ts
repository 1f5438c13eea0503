// Made by `trunkline codegen typescript`: do not edit.
import type { FunctionReference, PaginationOptions } from "convex/server";
import type {
  Account,
  ApiKey,
  ArchivePart,
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
  Deletion,
  Duplicates,
  ExportFormat,
  Id,
  InvitationRef,
  ListedMember,
  ListedMemberPage,
  MemberCounts,
  MessagePage,
  NewKey,
  OrganizationExport,
  OrganizationExportPage,
  OrganizationStatus,
  Part,
  PendingInvitation,
  PendingInvitationPage,
  Preview,
  Role,
  RowErrorPage,
  Settings,
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
     * Create an API key. The answer is the only one that holds its secret text.
     *
     * Roles: owner, admin.
     */
    create: FunctionReference<"mutation", "public", {
      /** The name of the key, for people. */
      name: string;
      /** The role whose rights the key has. An admin cannot create a key with more rights than their own. */
      role: Role;
      /**
       * The operations that the key may call: `customers:list`, or `customers:*`. Empty means all that its role allows.
       */
      scopes?: Array<string>;
      /** When the key expires, in milliseconds; absent for a key that does not expire. */
      expiresAt?: Time | null;
    }, NewKey>;
    /**
     * The API keys of the organization, newest first, including those that were revoked.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<ApiKey>>;
    /**
     * Revoke an API key, with immediate effect.
     *
     * Roles: owner, admin.
     */
    revoke: FunctionReference<"mutation", "public", {
      /** `key_…` */
      apiKeyId: Id<"apiKeys">;
    }, ApiKey>;
    /**
     * Replace the secret text of an API key. The previous text stays valid for a while, so that programs can be changed
     * over.
     *
     * Roles: owner, admin.
     */
    rotate: FunctionReference<"mutation", "public", {
      /** `key_…` */
      apiKeyId: Id<"apiKeys">;
      /** How long the previous text stays valid, in milliseconds; a day by default, at most 30 days. */
      graceMs?: number | null;
    }, NewKey>;
  };
  assignments: {
    /**
     * Assign a staff member to a customer. Others who are assigned to the customer stay assigned.
     *
     * Roles: owner, admin.
     */
    assign: FunctionReference<"mutation", "public", {
      /** The customer. */
      customerId: Id<"customers">;
      /** The staff member. */
      userId: Id<"users">;
    }, Assigned>;
    /**
     * The staff who are assigned to a customer.
     *
     * Roles: owner, admin, staff, viewer.
     */
    listAssigned: FunctionReference<"query", "public", {
      /** The customer. */
      customerId: Id<"customers">;
    }, Array<Assigned>>;
    /**
     * The staff who are not assigned to a customer yet.
     *
     * Roles: owner, admin.
     */
    listAvailable: FunctionReference<"query", "public", {
      /** The customer. */
      customerId: Id<"customers">;
    }, Array<Colleague>>;
    /**
     * Remove the assignment of a staff member to a customer, which they no longer see.
     *
     * Roles: owner, admin.
     */
    unassign: FunctionReference<"mutation", "public", {
      /** The customer. */
      customerId: Id<"customers">;
      /** The staff member. */
      userId: Id<"users">;
    }, Assigned>;
  };
  audit: {
    /**
     * A part of the audit log as a file. Concatenate the parts in order.
     *
     * Roles: owner, admin.
     */
    export: FunctionReference<"query", "public", {
      /** The format. */
      format: ExportFormat;
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, Part>;
    /**
     * A page of the audit log, newest entry first.
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
     * The subscription of your organization.
     *
     * Roles: owner, admin.
     */
    info: FunctionReference<"query", "public", {}, BillingInfo>;
    /**
     * The usage of your organization, and the limits of its plan.
     *
     * Roles: owner, admin, staff, viewer.
     */
    usageStats: FunctionReference<"query", "public", {}, UsageStats>;
  };
  connections: {
    /**
     * The connections of your organization, oldest first.
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
     * All conversations of your organization, sorted by their newest message; at most 1,000.
     *
     * Roles: owner, admin.
     */
    list: FunctionReference<"query", "public", {}, Array<Conversation>>;
    /**
     * The conversations of your organization, page by page, sorted by their newest message.
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
     * Stop an import. Customers that it imported until then stay.
     *
     * Roles: owner, admin.
     */
    cancelImport: FunctionReference<"mutation", "public", {
      /** The import. */
      importId: Id<"customerImports">;
    }, CustomerImport>;
    /**
     * Create a customer. A staff member who creates one is assigned to it.
     *
     * Roles: owner, admin, staff.
     */
    create: FunctionReference<"mutation", "public", {
      /** The name. */
      name: string;
      /** The e-mail address. */
      email?: string | null;
      /** Notes about the customer. */
      notes?: string | null;
    }, Customer>;
    /**
     * Delete a customer. It must have no clients and no pending invitations.
     *
     * Roles: owner, admin.
     */
    delete: FunctionReference<"mutation", "public", {
      /** The customer. */
      customerId: Id<"customers">;
    }, Customer>;
    /**
     * A part of the customers that you see as a CSV file, newest first. Concatenate the parts in order.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    export: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, Part>;
    /**
     * A customer.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    get: FunctionReference<"query", "public", {
      /** The customer. */
      customerId: Id<"customers">;
    }, Customer>;
    /**
     * The customer that you are a client of; null when you are not a client.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    getMine: FunctionReference<"query", "public", {}, Customer | null>;
    /**
     * Import customers from a file. The import runs in the background: watch it with `customers:importStatus`. Rows
     * with errors are left out and reported. An organization imports one file at a time.
     *
     * Roles: owner, admin.
     */
    import: FunctionReference<"mutation", "public", {
      /**
       * The file: CSV with a first line of column titles, separated by commas, semicolons or tabs; up to 5 MB and
       * 20,000 rows.
       */
      csv: string;
      /** The name of the file, which the list of imports shows. */
      fileName?: string | null;
      /** The title of the column with the names [default: name] */
      nameColumn?: string | null;
      /** The title of the column with the e-mail addresses [default: email] */
      emailColumn?: string | null;
      /** The title of the column with the notes [default: notes] */
      notesColumn?: string | null;
      /** What to do with a customer that exists already [default: skip] */
      duplicates?: Duplicates;
    }, CustomerImport>;
    /**
     * The progress of an import.
     *
     * Roles: owner, admin.
     */
    importStatus: FunctionReference<"query", "public", {
      /** The import. */
      importId: Id<"customerImports">;
    }, CustomerImport>;
    /**
     * All customers that you see, newest first; at most 1,000.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    list: FunctionReference<"query", "public", {}, Array<Customer>>;
    /**
     * The staff who are assigned to the customer that you are a client of.
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
      /** Only customers whose name or e-mail address contains this text. */
      search?: string | null;
    }, CustomerPage>;
    /**
     * The errors of an import, page by page, in the order of the file.
     *
     * Roles: owner, admin.
     */
    pageImportErrors: FunctionReference<"query", "public", {
      /** The import. */
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
     * Preview an import of this file. Nothing is written.
     *
     * Roles: owner, admin.
     */
    previewImport: FunctionReference<"query", "public", {
      /**
       * The file: CSV with a first line of column titles, separated by commas, semicolons or tabs; up to 5 MB and
       * 20,000 rows.
       */
      csv: string;
      /** The title of the column with the names [default: name] */
      nameColumn?: string | null;
      /** The title of the column with the e-mail addresses [default: email] */
      emailColumn?: string | null;
      /** The title of the column with the notes [default: notes] */
      notesColumn?: string | null;
      /** What to do with a customer that exists already [default: skip] */
      duplicates?: Duplicates;
    }, Preview>;
    /**
     * Resume an import whose job failed for good or was cancelled. An import that is running is not disturbed.
     *
     * Roles: owner, admin.
     */
    resumeImport: FunctionReference<"mutation", "public", {
      /** The import. */
      importId: Id<"customerImports">;
    }, CustomerImport>;
    /**
     * Change a customer. Fields that are absent stay as they are; `null` empties a field.
     *
     * Roles: owner, admin, staff.
     */
    update: FunctionReference<"mutation", "public", {
      /** The customer. */
      customerId: Id<"customers">;
      /** The name. */
      name?: string | null;
      /** The e-mail address. */
      email?: string | null;
      /** Notes about the customer. */
      notes?: string | null;
    }, Customer>;
    /**
     * The number of customers, and the limit of the plan.
     *
     * Roles: owner, admin, staff, viewer.
     */
    usage: FunctionReference<"query", "public", {}, CustomerUsage>;
  };
  invitations: {
    /**
     * Accept an invitation that was sent to the e-mail address that you signed in with; by default the newest.
     *
     * For signed-in callers.
     */
    accept: FunctionReference<"mutation", "public", {
      /** The invitation. */
      invitationId?: Id<"invitations"> | null;
    }, User>;
    /**
     * The pending invitations, newest first.
     *
     * Roles: owner, admin.
     */
    listPending: FunctionReference<"query", "public", {}, Array<PendingInvitation>>;
    /**
     * A part of the pending invitations, newest first.
     *
     * Roles: owner, admin.
     */
    page: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, PendingInvitationPage>;
    /**
     * Send an invitation again. It can be accepted for seven days from now.
     *
     * Roles: owner, admin.
     */
    resend: FunctionReference<"mutation", "public", {
      /** The invitation. */
      invitationId: Id<"invitations">;
    }, InvitationRef>;
    /**
     * Revoke an invitation.
     *
     * Roles: owner, admin.
     */
    revoke: FunctionReference<"mutation", "public", {
      /** The invitation. */
      invitationId: Id<"invitations">;
    }, InvitationRef>;
    /**
     * Invite a person. A client needs a customer.
     *
     * Roles: owner, admin.
     */
    send: FunctionReference<"mutation", "public", {
      /** The e-mail address: a person who signs in with it can accept the invitation. */
      email: string;
      /** The role: admin, staff, viewer or client. */
      role: Role;
      /** The customer that a client will belong to. */
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
      /** Only the messages of this conversation. */
      conversationId?: Id<"conversations"> | null;
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, MessagePage>;
  };
  organizations: {
    /**
     * Create an organization, of which you become the owner. Members of an organization call this with the organization
     * `none`.
     *
     * For signed-in callers.
     */
    create: FunctionReference<"mutation", "public", {
      /** The name. */
      name: string;
      /** The e-mail address for bills. */
      billingEmail?: string | null;
    }, Account>;
    /**
     * Delete your organization, for ever: nobody gets in any more from this moment on, and everything that it has here
     * is erased in the background.
     *
     * Roles: owner.
     */
    delete: FunctionReference<"mutation", "public", {
      /** The id of your organization, to say that you mean it. */
      organizationId: Id<"organizations">;
      /**
       * Whether an archive has to be there first. When none is, one is begun and nothing is deleted: download it, then
       * ask again.
       */
      export?: boolean;
    }, Deletion>;
    /**
     * A part of the archive of an export that is done: put the parts, each decoded, one behind the other in a
     * `.tar.gz`.
     *
     * Roles: owner.
     */
    downloadExport: FunctionReference<"query", "public", {
      /** Which one. */
      exportId: Id<"organizationExports">;
      /** Which part. It is one part however many items are asked for. */
      paginationOpts: PaginationOptions;
    }, ArchivePart>;
    /**
     * Write everything that your organization has here into one archive: a `.tar.gz` with a JSON object on each line,
     * without what is secret. It goes on in the background: watch it with `organizations:exportStatus`, then get it
     * with
     * `organizations:downloadExport` within a week. One that is being written is gone on with.
     *
     * Roles: owner.
     */
    export: FunctionReference<"mutation", "public", {}, OrganizationExport>;
    /**
     * How far an export has come.
     *
     * Roles: owner.
     */
    exportStatus: FunctionReference<"query", "public", {
      /** Which one. */
      exportId: Id<"organizationExports">;
    }, OrganizationExport>;
    /**
     * Your organization; null while you are in none.
     *
     * Anyone may call it.
     */
    getMine: FunctionReference<"query", "public", {}, Account | null>;
    /**
     * Whether you are in an organization. Anybody may call this.
     *
     * Anyone may call it.
     */
    has: FunctionReference<"query", "public", {}, OrganizationStatus>;
    /**
     * The exports of your organization, page by page, the newest first.
     *
     * Roles: owner.
     */
    pageExports: FunctionReference<"query", "public", {
      /** Which page. */
      paginationOpts: PaginationOptions;
    }, OrganizationExportPage>;
    /**
     * Change your organization. Fields that are absent stay as they are; `null` empties the address.
     *
     * Roles: owner, admin.
     */
    update: FunctionReference<"mutation", "public", {
      /** The name. */
      name?: string | null;
      /** The e-mail address for bills. */
      billingEmail?: string | null;
    }, Account>;
  };
  settings: {
    /**
     * The settings of the organization, with defaults where it chose nothing.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    get: FunctionReference<"query", "public", {}, Settings>;
    /**
     * Change settings. Fields that are absent stay as they are.
     *
     * Roles: owner, admin.
     */
    update: FunctionReference<"mutation", "public", {
      /** The time zone in which days begin: a name such as `Europe/Berlin`. */
      timeZone?: string | null;
      /** The language tag by which numbers and dates are written, such as `en` or `pt-BR`. */
      locale?: string | null;
      /** The first day of the week: 1 is Monday, 7 is Sunday. */
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
     * Change the role of a member. A client needs a customer; other roles have none.
     *
     * Roles: owner, admin.
     */
    changeRole: FunctionReference<"mutation", "public", {
      /** The member. */
      userId: Id<"users">;
      /** The new role. */
      role: Role;
      /** The customer that a client belongs to. */
      customerId?: Id<"customers"> | null;
    }, User>;
    /**
     * The member that you impersonate; null when you act as yourself.
     *
     * Anyone may call it.
     */
    impersonationStatus: FunctionReference<"query", "public", {}, User | null>;
    /**
     * All current and former members of the organization, current ones first.
     *
     * Roles: owner, admin, viewer.
     */
    listMembers: FunctionReference<"query", "public", {}, Array<ListedMember>>;
    /**
     * Your own user; null when you are not known yet.
     *
     * Anyone may call it.
     */
    me: FunctionReference<"query", "public", {}, User | null>;
    /**
     * The number of members.
     *
     * Roles: owner, admin, viewer.
     */
    memberCounts: FunctionReference<"query", "public", {}, MemberCounts>;
    /**
     * A part of the current and former members of the organization.
     *
     * Roles: owner, admin, viewer.
     */
    page: FunctionReference<"query", "public", {
      /** Which part. */
      paginationOpts: PaginationOptions;
    }, ListedMemberPage>;
    /**
     * Remove a member. The member loses all access, and can be restored.
     *
     * Roles: owner, admin.
     */
    remove: FunctionReference<"mutation", "public", {
      /** The member. */
      userId: Id<"users">;
    }, User>;
    /**
     * Restore a removed member, with the role that they had.
     *
     * Roles: owner, admin.
     */
    restore: FunctionReference<"mutation", "public", {
      /** The member. */
      userId: Id<"users">;
    }, User>;
    /**
     * Act as another member, with their rights, for up to an hour.
     *
     * Roles: owner, admin.
     */
    startImpersonating: FunctionReference<"mutation", "public", {
      /** The member to impersonate. */
      userId: Id<"users">;
    }, User>;
    /**
     * Stop impersonating.
     *
     * Roles: owner, admin, staff, viewer, client.
     */
    stopImpersonating: FunctionReference<"mutation", "public", {}, Stopped>;
    /**
     * Bring your profile, your membership or your pending invitation up to date.
     *
     * For signed-in callers.
     */
    sync: FunctionReference<"mutation", "public", {}, Synced>;
    /**
     * Bring your profile, your membership or your pending invitation up to date. Call it after signing in.
     *
     * For signed-in callers.
     */
    syncCurrent: FunctionReference<"action", "public", {}, Synced>;
  };
};
