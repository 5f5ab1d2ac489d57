// Generates a report with openapi-fetch and the types that openapi-typescript generates from the OpenAPI document.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string>; exit(code: number): never };
declare const console: { log(text: string): void };
declare const setTimeout: (resume: () => void, milliseconds: number) => void;

const client = createClient<paths>({
  baseUrl: process.env.RESMA_URL,
  headers: { Authorization: `Bearer ${process.env.RESMA_KEY}` },
});

const filters: components["schemas"]["TransactionsFilters"] = { from: "2024-01-01", to: "2024-01-05" };
const columns: components["schemas"]["TransactionsColumns"] = ["booked_at", "amount"];

const accepted = await client.POST("/api/v1/reports/generate", {
  body: { type: "TRANSACTIONS", format: "CSV", filters, columns, options: { csv: { compression: "none" } } },
});
if (!accepted.data) throw new Error(accepted.error.detail);

let report: components["schemas"]["Report"] = accepted.data;
while (report.status === "PENDING" || report.status === "GENERATING") {
  await new Promise<void>((resume) => setTimeout(resume, 500));
  const shown = await client.GET("/api/v1/reports/{reportId}", { params: { path: { reportId: report.id } } });
  if (!shown.data) throw new Error(shown.error.detail);
  report = shown.data;
}
const link = await client.GET("/api/v1/reports/{reportId}/download", {
  params: { path: { reportId: report.id }, query: { link: true } },
});

const refused = await client.POST("/api/v1/reports/generate", { body: { type: "TRANSACTIONS", format: "CSV", columns: ["x"] } });

console.log(
  JSON.stringify({
    id: report.id,
    status: report.status,
    rows: report.rows,
    url: link.data?.url,
    pointers: refused.error?.errors?.map((part) => part.pointer),
  }),
);
