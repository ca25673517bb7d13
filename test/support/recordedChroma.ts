// The part of Chroma's REST interface (version 2) that a shared index uses, answering as server 1.0.0 was recorded to: test/bench/sharedIndex.ts runs the same
// checks against the real one. It keeps its collections in memory.
import { json } from "./loopbackServer.ts";
import type { Answer } from "./loopbackServer.ts";

interface Row { embedding: number[]; document: string; metadata: Record<string, unknown> }
interface Collection { id: string; name: string; metadata: unknown; rows: Map<string, Row> }

const ROOT = "/api/v2/tenants/default_tenant/databases/default_database/collections";

export class RecordedChroma {
  readonly collections = new Map<string, Collection>();

  readonly answer: Answer = (response, asked) => {
    if (!asked.path.startsWith(ROOT)) { json(response, { error: "NotFoundError", message: "no such route" }, 404); return; }
    const [name = "", verb = ""] = asked.path.slice(ROOT.length + 1).split("/");
    const body = asked.body === "" ? {} : JSON.parse(asked.body) as Record<string, unknown>;
    if (name === "") {
      const wanted = String(body["name"]);
      const collection = this.collections.get(wanted) ?? { id: `id-${wanted}`, name: wanted, metadata: body["metadata"], rows: new Map<string, Row>() };
      this.collections.set(wanted, collection);
      json(response, shown(collection)); return;
    }
    const collection = [...this.collections.values()].find((candidate) => candidate.name === name || candidate.id === name);
    if (!collection) { json(response, { error: "NotFoundError", message: `Collection [${name}] does not exists` }, 404); return; }
    switch (verb) {
      case "": { json(response, shown(collection)); return; }
      case "upsert": {
        const { ids, embeddings, documents, metadatas } = body as unknown as { ids: string[]; embeddings: number[][]; documents: string[]; metadatas: Record<string, unknown>[] };
        for (const [i, id] of ids.entries()) collection.rows.set(id, { embedding: embeddings[i]!, document: documents[i]!, metadata: metadatas[i]! });
        json(response, {}); return;
      }
      case "delete":
        for (const id of body["ids"] as string[]) collection.rows.delete(id);
        { json(response, {}); return; }
      case "get": {
        const { source } = body["where"] as { source: string };
        const ids = [...collection.rows].filter(([, { metadata }]) => metadata["source"] === source).map(([id]) => id);
        const offset = Number(body["offset"]);
        json(response, { ids: ids.slice(offset, offset + Number(body["limit"])), embeddings: null, documents: null, uris: null, metadatas: null, include: [] }); return;
      }
      case "query": {
        const [query = []] = body["query_embeddings"] as number[][];
        const near = [...collection.rows].map(([id, row]) => ({ id, row, distance: 1 - row.embedding.reduce((sum, x, i) => sum + x * (query[i] ?? 0), 0) }))
          .sort((a, b) => a.distance - b.distance).slice(0, Number(body["n_results"]));
        json(response, { ids: [near.map(({ id }) => id)], embeddings: null, uris: null, documents: [near.map(({ row }) => row.document)], metadatas: [near.map(({ row }) => row.metadata)], distances: [near.map(({ distance }) => distance)], include: ["documents", "metadatas", "distances"] }); return;
      }
      default: { json(response, { error: "NotFoundError", message: "no such route" }, 404); return; }
    }
  };
}

function shown({ id, name, metadata }: Collection): object {
  return { id, name, metadata, dimension: null, tenant: "default_tenant", database: "default_database", log_position: 0, version: 0 };
}
