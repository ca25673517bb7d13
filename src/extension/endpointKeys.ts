// Keys of endpoints in VS Code's SecretStorage, by the origin that they are for: an address that changes does not get another's key. The engine asks
// for one when a request needs it, and keeps it in memory only. Nothing here logs or shows a key.
import * as vscode from "vscode";
import type { EngineClient } from "./engineClient.ts";
import { showFailure } from "./messages.ts";

type EndpointEngine = Pick<EngineClient, "request" | "onNotification">;

export class EndpointKeys implements vscode.Disposable {
  readonly #engine: EndpointEngine;
  readonly #secrets: vscode.SecretStorage;
  readonly #listening: vscode.Disposable;

  constructor(engine: EndpointEngine, secrets: vscode.SecretStorage) {
    this.#engine = engine;
    this.#secrets = secrets;
    this.#listening = vscode.Disposable.from(
      engine.onNotification("endpoint/keyWanted", ({ origin }) => { void this.#give(origin); }),
      engine.onNotification("endpoint/consentWanted", ({ host, what }) => { void askForConsent(engine, host, what).catch(showFailure); }),
    );
  }

  async store(origin: string, key: string): Promise<void> {
    await this.#secrets.store(secretOf(origin), key);
    await this.#give(origin);
  }

  async forget(origin: string): Promise<void> {
    await this.#secrets.delete(secretOf(origin));
  }

  dispose(): void {
    this.#listening.dispose();
  }

  /** An engine that is gone meanwhile asks again when it needs to; a store that fails counts as empty. */
  async #give(origin: string): Promise<void> {
    const key = await Promise.resolve(this.#secrets.get(secretOf(origin))).catch(() => undefined);
    await this.#engine.request("endpoint/key", { origin, key: key ?? null }).catch(() => undefined);
  }
}

/** Asks once whether something may be sent to `host`; true where the user agreed. */
export async function askForConsent(engine: Pick<EngineClient, "request">, host: string, what: string, inClear = false): Promise<boolean> {
  const agree = vscode.l10n.t("Agree");
  const picked = await vscode.window.showWarningMessage(vscode.l10n.t("May KaLactica send data to {0}?", host), {
    modal: true,
    detail: [
      vscode.l10n.t("It is another machine. What would be sent: {0}. Secrets that are recognised are removed first.", what),
      ...(inClear ? [vscode.l10n.t("The connection is not encrypted (http): others on the way can read it.")] : []),
      vscode.l10n.t("You are asked once for this host. \"KaLactica: Remove Endpoint…\" takes it back."),
    ].join("\n\n"),
  }, agree);
  if (picked !== agree) return false;
  await engine.request("endpoint/consent", { host, agreed: true });
  return true;
}

function secretOf(origin: string): string {
  return `kalactica.endpoint ${origin}`;
}
