// Types of the requests and responses of the API, for type checkers. GET /openapi.json has all of them.

/** @typedef {{tenantId: string, tenantName: string, subject: string, name: string | null, scopes: string[]}} Me */
/** @typedef {{name: string, heading: string, kind: string, personal: boolean}} Column */
/** @typedef {{amount: string, currency?: string | null, min?: string | null, max?: string | null}} TotalCondition */
/** @typedef {{rows?: {min?: number | null, max?: number | null} | null, totals?: TotalCondition[] | null, changed?: boolean}} OnlyIf */
/** @typedef {{properties: Object<string, any>, required?: string[]}} FilterSchema JSON Schema 2020-12 of a type's filters */
/**
 * @typedef {{type: string, title: string, description: string, formats: string[], locales: string[],
 *   columns: Column[], filters: FilterSchema, splitBy: string[]}} ReportType `splitBy`: columns that a report may be split by
 */
/** @typedef {{items: ReportType[], errors: {type: string, file: string, line: number, detail: string}[]}} Catalog `detail` is English */
/**
 * @typedef {{type: string, format?: string | null, formats: string[], filters: Object<string, any>,
 *   columns: string[] | null, locale: string, timeZone: string, title: string | null,
 *   options: Object<string, Object<string, string>>, callbackUrl: string | null, deliverTo: string[] | null, encryptFor: string[] | null,
 *   splitBy?: string[] | null, zip?: boolean, onlyIf?: OnlyIf | null}} ReportRequest
 */
/**
 * @typedef {{rows: number, isExact: boolean, keys: number | null, files: {format: string, bytes: number, pages: number | null}[],
 *   seconds: number, queue: {ahead: number, seconds: number | null},
 *   warnings: {code: string, detail: string, values: Object<string, any>}[]}} Estimate `detail` is English
 */
/** @typedef {"PENDING" | "GENERATING" | "READY" | "FAILED" | "CANCELLED" | "EXPIRED" | "SKIPPED"} Status */
/**
 * @typedef {{rowsDone: number, rowsExpected: number | null, percent: number | null, etaSeconds: number | null,
 *   queuePosition: number | null, stage: "waiting" | "counting" | "writing" | "publishing" | null}} Progress
 *   `queuePosition` 0 is the next report.
 */
/** @typedef {{format: string, mediaType: string, bytes: number, sha256: string, download: string}} File */
/** @typedef {{format: string, code: string, detail: string, column: string | null, row: number | null}} FailedFile */
/** @typedef {{bytes: number, sha256: string, download: string}} SplitObject */
/**
 * @typedef {{keys: number | null, keysDone: number, files: number, filesFailed: number, snapshots: number,
 *   shards: {total: number, pending: number, generating: number, done: number, failed: number},
 *   manifest: SplitObject | null, list: SplitObject | null, zip: SplitObject | null}} Split
 */
/**
 * @typedef {{number: number, key: Object<string, string | null>, format: string, name: string, bytes: number | null,
 *   sha256: string | null, rows: number, pages: number | null, totals: Total[], snapshot: number,
 *   error: {code: string, detail: string} | null, download: string | null}} SplitFile
 */
/** @typedef {{code: string, detail: string, format: string | null, column: string | null, row: number | null, rows: number | null,
 *   files: number | null, file: number | null}} Warning `files` and `file` of split reports only */
/** @typedef {{currency: string | null, rows: number, amounts: Record<string, string>}} Total Amounts by column, as exact decimal strings */
/**
 * @typedef {{currency: string | null, rows: {report: number, control: number} | null,
 *   amounts: Record<string, {report: string, control: string}>}} ControlTotal
 */
/**
 * @typedef {ReportRequest & {id: string, format: string, formats: string[], status: Status, progress: Progress,
 *   waitingFor: {dependency: string, since: string, nextAttemptAt: string, detail: string} | null,
 *   attempt: number, createdAt: string, startedAt: string | null, finishedAt: string | null, expiresAt: string | null, asOf: string | null,
 *   retentionDays: number | null, held: boolean, kmsKey: string | null, encryptForRequested: string[] | null, signedBy: string | null, filesDeletedAt: string | null, filesDeletedBy: string | null,
 *   rows: number | null, files: File[] | null, split: Split | null, failedFiles: FailedFile[], warnings: Warning[], totals: Total[] | null,
 *   totalsOmitted: number,
 *   balance: {opening: string, closing: string} | null, controlTotals: ControlTotal[] | null, maskedColumns: string[], metrics: any,
 *   requestedBy: string | null, requestedByName: string | null,
 *   skippedReason: {code: string, detail: string} | null, error: {code: string, detail: string} | null}} Report
 */
/**
 * @typedef {{title: string, kind: "time" | "bars" | "share", unit: "amount" | "rows", labels: string[],
 *   series: {name: string, values: string[]}[], seriesOmitted: number}} Chart `values` are decimal strings
 */
/**
 * @typedef {{asOf: string, rows: number, totals: Total[] | null, balance: Report["balance"], charts: Chart[]}} Summary
 */
/**
 * @typedef {{scheduledFor: string, startedAt: string | null, reportId: string | null,
 *   outcome: "STARTED" | "SKIPPED" | "REFUSED", detail: string | null,
 *   trigger: "schedule" | "manual" | "backfill", startedBy: string | null, startedByName: string | null}} ScheduleRun
 */
/**
 * @typedef {{scheduledFor: string, from: string | null, to: string | null, reportId: string | null,
 *   outcome: "STARTED" | "NOT_STARTED" | "ALREADY_STARTED" | "DUE"}} BackfilledRun
 */
/**
 * @typedef {{id: string, name: string, request: ReportRequest, when: string, at: string | null, timeZone: string,
 *   period: string | null, weekStartsOn: string | null, calendar: string | null, misfirePolicy: string, endsAt: string | null, paused: boolean, pdfEncrypted: boolean,
 *   status: "ACTIVE" | "PAUSED" | "ENDED" | "BLOCKED", statusDetail: string | null, owner: string,
 *   ownerName: string | null, ownerExpiresAt: string | null,
 *   createdAt: string, nextRunAt: string | null, lastRun: ScheduleRun | null}} Schedule
 */
/** @typedef {{at: string, localTime: string, from: string | null, to: string | null, note: string | null}} PreviewRun */
/**
 * @typedef {{id: string, url: string | null, events: string[] | null, reportTypes: string[] | null, enabled: boolean,
 *   disabledAt: string | null, disabledReason: string | null, createdAt: string | null, secretVersion: number,
 *   failing: boolean, lastAttempt: {startedAt: string, statusCode: number | null, error: string | null} | null}} Endpoint
 *   `callback` represents the callback URLs of requests.
 */
/**
 * @typedef {{id: string, name: string, fingerprint: string, userIds: string[], algorithm: string, expiresAt: string | null,
 *   status: "VALID" | "EXPIRING" | "EXPIRED", createdAt: string}} Certificate
 */
/** @typedef {{address: string, reason: "BOUNCE" | "COMPLAINT", detail: string | null, suppressedAt: string}} SuppressedAddress */
/** @typedef {{attempt: number, startedAt: string, statusCode: number | null, error: string | null, milliseconds: number | null}} Attempt */
/**
 * @typedef {{eventId: string, endpointId: string, event: string, reportId: string, url: string,
 *   status: "PENDING" | "DELIVERED" | "FAILED", endedReason: string | null, createdAt: string,
 *   nextAttemptAt: string | null, deliveredAt: string | null, attempts: Attempt[]}} Delivery
 */
/**
 * @typedef {{id: string, name: string, kind: string, settings: Object<string, string>, encryptFor: string[] | null, url: string, enabled: boolean, createdAt: string,
 *   failing: boolean, lastAttempt: {startedAt: string, errorCode: string | null, errorDetail: string | null} | null}} FileDestination
 */
/**
 * @typedef {{id: string, destinationId: string, destinationName: string | null, reportId: string | null,
 *   status: "PENDING" | "DELIVERED" | "FAILED", endedReason: string | null, createdAt: string, nextAttemptAt: string | null, filesDelivered: number,
 *   files: {name: string, bytes: number, sha256: string}[], recipients: {address: string, status: string, detail: string | null, updatedAt: string}[],
 *   attempts: {attempt: number, startedAt: string, milliseconds: number | null, outcome: string | null, errorDetail: string | null}[]}} FileDelivery
 */
/**
 * @typedef {{occurredAt: string, action: string, subject: string | null, keyName: string | null, ipAddress: string | null,
 *   format: string | null, url: string | null, secretVersion: number | null, statusCode: number | null,
 *   outcome: "SUCCEEDED" | "FAILED" | "CONTINUED" | "PENDING", detail: string | null, destinationId: string | null,
 *   destinationName: string | null, fileName: string | null, recipient: string | null}} AccessEntry
 */
/**
 * @typedef {{reportId: string, type: string, title: string | null, formats: string[], attempts: number, redrives: number, createdAt: string,
 *   deadLetteredAt: string, error: {code: string, detail: string}}} DeadLetter
 */

/**
 * @typedef {{id: string, name: string, scopes: string[], status: "ACTIVE" | "REVOKED" | "EXPIRED", createdAt: string,
 *   createdBy: string, expiresAt: string, revokedAt: string | null, lastUsedAt: string | null, replacedBy: string | null}} ApiKey
 */

export {};
