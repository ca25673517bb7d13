// "Add Endpoint…" and "Remove Endpoint…": a short conversation about a model on a server. What may be sent, and whether the server can do what it says, is
// the engine's to find out.
import * as vscode from "vscode";
import type { EndpointModel, EndpointOffer } from "../engine/protocol/endpoints.ts";
import { EngineRequestError } from "./engineClient.ts";
import type { EngineClient } from "./engineClient.ts";
import { askForConsent } from "./endpointKeys.ts";
import type { EndpointKeys } from "./endpointKeys.ts";

interface EndpointDependencies {
  client: Pick<EngineClient, "request">;
  keys: EndpointKeys;
}

export async function addEndpoint({ client, keys }: EndpointDependencies): Promise<void> {
  if (!vscode.workspace.isTrusted) throw new Error(vscode.l10n.t("Nothing is sent to endpoints while this workspace is not trusted. Trust it first (\"Workspaces: Manage Workspace Trust\")."));
  const title = vscode.l10n.t("Add Endpoint");
  const url = await vscode.window.showInputBox({
    title, ignoreFocusOut: true, placeHolder: "http://localhost:8080",
    prompt: vscode.l10n.t("The address of a model server: llama.cpp, vLLM, Ollama (http://localhost:11434), or any that speaks OpenAI's interface"),
    validateInput: (value) => (value.trim() === "" || /\s/.test(value.trim()) ? vscode.l10n.t("Expected an address like http://localhost:8080 or https://host/v1") : null),
  });
  if (url === undefined) return;
  let offer = await client.request("endpoint/look", { url: url.trim() }).catch((error: unknown) => {
    if (wantsKey(error)) return null;
    throw error;
  });
  if (offer !== null && !offer.consented) {
    const what = vscode.l10n.t("your questions, with the passages of your files found for them");
    if (!(await askForConsent(client, offer.host, what, offer.inClear))) return;
    offer = null;
  }
  const origin = offer?.origin ?? new URL(/^[a-z]+:\/\//i.test(url.trim()) ? url.trim() : `http://${url.trim()}`).origin;
  offer ??= await withKey(keys, origin, title, () => client.request("endpoint/look", { url: url.trim() }));
  if (offer === null) return;
  const model = await pickModel(offer, title);
  if (model === null) return;
  const name = await vscode.window.showInputBox({ title, ignoreFocusOut: true, value: model.id.split("/").at(-1)?.replace(/[^\p{L}\p{N} ._-]+/gu, "-").slice(0, 64) ?? "", prompt: vscode.l10n.t("What to call it") });
  if (!name) return;
  const completions = await pickCompletions(offer, title);
  if (completions === null) return;
  const added = await withKey(keys, origin, title, () => vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Trying {0} at {1}", model.id, offer.host), cancellable: true },
    (_, token) => client.request("endpoint/add", { url: url.trim(), name: name.trim(), model: model.id, completions }, token),
  ));
  if (added === null) return;
  void vscode.window.showInformationMessage(offer.leavesMachine
    ? vscode.l10n.t("{0} at {1} now writes answers. Your questions and the passages found for them leave this machine; every answer says how many.", added.name, offer.host)
    : vscode.l10n.t("{0} at {1} now writes answers. It is on this machine: nothing leaves it.", added.name, offer.host));
}

export async function removeEndpoint({ client, keys }: EndpointDependencies): Promise<void> {
  const endpoints = await client.request("endpoint/list", null);
  if (endpoints.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There are no endpoints: answers and completions are made on this machine."));
    return;
  }
  const picked = await vscode.window.showQuickPick(
    endpoints.map((endpoint) => ({ label: endpoint.name, description: `${endpoint.model} · ${endpoint.host}`, endpoint })),
    { title: vscode.l10n.t("Remove Endpoint"), placeHolder: vscode.l10n.t("Its key and your agreement go with it") },
  );
  if (!picked) return;
  const { name, origin } = picked.endpoint;
  await client.request("endpoint/remove", { name });
  if (!endpoints.some((endpoint) => endpoint.origin === origin && endpoint.name !== name)) await keys.forget(origin);
  vscode.window.setStatusBarMessage(vscode.l10n.t("KaLactica has removed {0}.", name), 5_000);
}

async function pickModel(offer: EndpointOffer, title: string): Promise<EndpointModel | null> {
  if (offer.models.length === 1) return offer.models[0] ?? null;
  if (offer.models.length === 0) {
    const id = await vscode.window.showInputBox({ title, ignoreFocusOut: true, prompt: vscode.l10n.t("{0} lists no models. The name of the one that it serves", offer.host) });
    return id ? { id: id.trim(), contextSize: null } : null;
  }
  const picked = await vscode.window.showQuickPick(
    offer.models.map((model) => ({ label: model.id, description: model.contextSize === null ? "" : vscode.l10n.t("{0} tokens of context", model.contextSize), model })),
    { title, ignoreFocusOut: true, placeHolder: vscode.l10n.t("Which of the models at {0}?", offer.host) },
  );
  return picked?.model ?? null;
}

async function pickCompletions(offer: EndpointOffer, title: string): Promise<boolean | null> {
  const picked = await vscode.window.showQuickPick([
    { label: vscode.l10n.t("The local model"), description: vscode.l10n.t("Nothing is sent while you type"), completions: false },
    { label: vscode.l10n.t("This endpoint, where it can"), description: offer.leavesMachine ? vscode.l10n.t("The code around the caret leaves this machine as you type") : "", completions: true },
  ], { title, ignoreFocusOut: true, placeHolder: vscode.l10n.t("Who writes inline completions?") });
  return picked?.completions ?? null;
}

/** Runs `work`; where the server wants a key, asks for one and tries again. Null where the user gave none. */
async function withKey<T>(keys: EndpointKeys, origin: string, title: string, work: () => Thenable<T>): Promise<T | null> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!wantsKey(error)) throw error;
      const key = await vscode.window.showInputBox({ title, password: true, ignoreFocusOut: true, prompt: vscode.l10n.t("The key for {0}. It is kept in VS Code's secret storage and sent to that host only.", new URL(origin).host) });
      if (!key) return null;
      await keys.store(origin, key.trim());
    }
  }
}

function wantsKey(error: unknown): boolean {
  return error instanceof EngineRequestError && error.reason === "endpointFailed" && (error.details["status"] === 401 || error.details["status"] === 403);
}
