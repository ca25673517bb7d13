// An evaluation as a document: Markdown, CSV of its items, or one self-contained HTML page with plots. It computes nothing.
import type { Metrics } from "../suite.ts";
import type { RunComparison } from "./compareRuns.ts";
import type { StoredRun } from "./runStore.ts";

export const REPORT_FORMATS = ["json", "csv", "md", "html"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export function reportOf(run: StoredRun, format: ReportFormat, comparison?: RunComparison): string {
  switch (format) {
    case "json": return `${JSON.stringify(comparison ? { ...run, comparison } : run, null, 1)}\n`;
    case "csv": return csvOf(run.items);
    case "md": return markdownOf(run, comparison);
    case "html": return htmlOf(run, comparison);
  }
}

/** A figure with its interval, wherever in the metrics it stands. */
interface Figure {
  readonly name: string;
  readonly value: number;
  readonly interval?: readonly [number, number];
}

/** The metrics' numbers by part ("" for the headline), each with its interval where there is one. */
export function figuresOf(metrics: Metrics, part = ""): { part: string; figures: Figure[] }[] {
  const intervals = metrics["interval"] as Metrics | undefined;
  const own: Figure[] = [];
  const parts: { part: string; figures: Figure[] }[] = [];
  for (const [name, value] of Object.entries(metrics)) {
    if (name === "interval") continue;
    if (typeof value === "number") {
      const bounds = intervals?.[name];
      own.push({ name, value, ...(Array.isArray(bounds) && bounds.length === 2 ? { interval: bounds as [number, number] } : {}) });
    } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      parts.push(...figuresOf(value as Metrics, part === "" ? name : `${part} › ${name}`));
    }
  }
  return own.length > 0 ? [{ part, figures: own }, ...parts] : parts;
}

function shown({ value, interval }: Pick<Figure, "value" | "interval">): string {
  const digits = Math.abs(value) >= 100 ? 0 : 3;
  return `${value.toFixed(digits)}${interval ? ` [${interval.map((bound) => bound.toFixed(digits)).join(", ")}]` : ""}`;
}

function markdownOf(run: StoredRun, comparison?: RunComparison): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const lines = [
    `# ${run.suite}, ${run.provenance.at.slice(0, 16).replace("T", " ")}`, "",
    `${run.n} items, ${run.seconds.toFixed(1)} s. Data: \`${run.provenance.data}\`. KaLactica ${run.provenance.engineVersion}, Node ${run.provenance.node}, ${run.provenance.platform}, ${run.provenance.cores} cores (${run.provenance.processor}).`, "",
  ];
  const advice = (run.settings["recommendation"] as { sentence?: unknown } | undefined)?.sentence;
  if (typeof advice === "string") lines.push(`**Recommended:** ${advice}`, "");
  for (const { part, figures } of figuresOf(run.metrics)) {
    lines.push(`| ${part === "" ? "figure" : cell(part)} | value |`, "|---|---|", ...figures.map((figure) => `| ${cell(figure.name)} | ${shown(figure)} |`), "");
  }
  if (comparison) {
    lines.push(`## Compared with ${comparison.before}`, "", "| figure | before | after | difference, 95 % | p | |", "|---|---|---|---|---|---|",
      ...comparison.metrics.map((row) => `| ${cell(row.metric)} | ${row.before} | ${row.after} | ${row.difference} [${row.low}, ${row.high}] | ${row.p} | ${row.verdict} |`), "");
  }
  lines.push("Settings:", "", "```json", JSON.stringify(run.settings, null, 1), "```", "");
  return lines.join("\n");
}

function csvOf(items: StoredRun["items"]): string {
  const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
  const cell = (value: unknown): string => {
    const text = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.map(cell).join(","), ...items.map((item) => columns.map((column) => cell(item[column])).join(","))].map((line) => `${line}\r\n`).join("");
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const html = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);

const STYLE = `:root{color-scheme:light dark;--line:color-mix(in srgb,CanvasText 18%,Canvas);--soft:color-mix(in srgb,CanvasText 60%,Canvas);--bar:#0078d4;--bad:#c72e0f;--good:#2e7d32}
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}h1{font-weight:600;font-size:1.5rem}h2{font-weight:600;font-size:1.1rem;margin-top:2rem}
p.meta,td.soft{color:var(--soft)}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600}
td.number{font-variant-numeric:tabular-nums;white-space:nowrap}svg{display:block;width:100%;height:14px}.better{color:var(--good)}.worse{color:var(--bad)}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font-size:12px}details{margin:.5rem 0}`;

function htmlOf(run: StoredRun, comparison?: RunComparison): string {
  const meta = `${run.n} items · ${run.seconds.toFixed(1)} s · ${run.provenance.data} · KaLactica ${run.provenance.engineVersion} · Node ${run.provenance.node} · ${run.provenance.platform} · ${run.provenance.cores} cores, ${run.provenance.processor}`;
  const tables = figuresOf(run.metrics).map(({ part, figures }) => `${part === "" ? "" : `<h2>${html(part)}</h2>`}<table>${figures.map((figure) => `<tr><th scope="row">${html(figure.name)}</th><td class="number">${html(shown(figure))}</td><td style="width:45%">${bar(figure)}</td></tr>`).join("")}</table>`);
  const compared = comparison === undefined ? "" : `<h2>Compared with ${html(comparison.before)}</h2><table><tr><th scope="col">figure</th><th scope="col">before</th><th scope="col">after</th><th scope="col">difference, 95 %</th><th scope="col">p</th><th scope="col"></th></tr>${comparison.metrics.map((row) => `<tr><th scope="row">${html(row.metric)}</th><td class="number">${row.before}</td><td class="number">${row.after}</td><td class="number">${row.difference} [${row.low}, ${row.high}]</td><td class="number">${row.p}</td><td class="${row.verdict}">${row.verdict}</td></tr>`).join("")}</table>${comparison.changed.length === 0 ? "" : `<details><summary>${comparison.changed.length} items changed in ${html(comparison.changed[0]?.metric ?? "")}</summary><table>${comparison.changed.slice(0, 200).map((item) => `<tr><td>${html(item.id)}</td><td class="number">${item.before} → ${item.after}</td></tr>`).join("")}</table></details>`}`;
  const items = run.items.slice(0, 500).map((item) => `<details><summary>${html(typeof item["id"] === "string" ? item["id"] : "item")}</summary><table>${Object.entries(item).map(([name, value]) => `<tr><th scope="row">${html(name)}</th><td><pre>${html(typeof value === "string" ? value : JSON.stringify(value) ?? "")}</pre></td></tr>`).join("")}</table></details>`).join("");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${html(run.id)}</title><style>${STYLE}</style></head><body><h1>${html(run.suite)}</h1><p class="meta">${html(meta)}</p>${tables.join("")}${compared}<h2>Items${run.items.length > 500 ? " (the first 500)" : ""}</h2>${items}<h2>Settings</h2><pre>${html(JSON.stringify(run.settings, null, 1))}</pre></body></html>\n`;
}

/** A bar from 0 to 1 with the interval as a line; nothing for figures on another scale. */
function bar({ value, interval, name }: Figure): string {
  if (value < 0 || value > 1 || name === "n") return "";
  const x = (share: number): string => (Math.min(1, Math.max(0, share)) * 100).toFixed(2);
  const whisker = interval ? `<line x1="${x(interval[0])}%" x2="${x(interval[1])}%" y1="7" y2="7" stroke="currentColor" stroke-width="2"/>` : "";
  return `<svg role="img" aria-label="${html(shown({ value, ...(interval ? { interval } : {}) }))}"><rect width="100%" height="10" y="2" fill="currentColor" opacity=".08"/><rect width="${x(value)}%" height="10" y="2" fill="var(--bar)"/>${whisker}</svg>`;
}
