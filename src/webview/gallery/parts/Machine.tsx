// What this machine has, and what KaLactica decides from it where no setting says otherwise.
import type { MachineDefault, MachineInfo } from "../../../engine/protocol/machine.ts";
import { bytes } from "../../trainingWords.ts";
import { post } from "../host.ts";
import { t } from "../../shared/l10n.ts";

export function Machine({ machine, defaults }: { machine: MachineInfo; defaults: readonly MachineDefault[] }) {
  const { cpu, cores, totalRamBytes, availableRamBytes, gpu, explanation } = machine;
  return (
    <section class="machine" aria-labelledby="machine-name" data-testid="machine">
      <div class="section-bar"><h2 id="machine-name">{t("This machine")}</h2><button type="button" class="link" onClick={() => post({ type: "command", command: "doctor" })}>{t("Check This Machine")}</button></div>
      <p>{t("{0}, {1}, {2} of {3} memory free, {4}.", cpu, cores === 1 ? t("1 core") : t("{0} cores", cores), bytes(availableRamBytes), bytes(totalRamBytes), gpu === null ? t("no usable GPU") : t("{0} with {1} of {2} free", gpu.name, bytes(gpu.freeVramBytes), bytes(gpu.totalVramBytes)))}</p>
      <p class="quiet">{explanation}</p>
      <table class="defaults">
        <caption class="visually-hidden">{t("What follows from it, where no setting says otherwise")}</caption>
        <thead class="visually-hidden"><tr><th scope="col">{t("What")}</th><th scope="col">{t("Value")}</th><th scope="col">{t("Why")}</th></tr></thead>
        <tbody>
          {defaults.map(({ name, value, why, setting }) => (
            <tr key={name}>
              <th scope="row">{setting === null ? name : <button type="button" class="link" title={t("Setting {0}", `kalactica.${setting}`)} onClick={() => post({ type: "setting", key: setting })}>{name}</button>}</th>
              <td>{value}</td>
              <td class="quiet">{why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
