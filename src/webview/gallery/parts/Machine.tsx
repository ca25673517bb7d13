// What this machine has, and what KaLactica decides from it where no setting says otherwise.
import type { MachineDefault, MachineInfo } from "../../../engine/protocol/machine.ts";
import { bytes } from "../../trainingWords.ts";
import { post } from "../host.ts";

export function Machine({ machine, defaults }: { machine: MachineInfo; defaults: readonly MachineDefault[] }) {
  const { cpu, cores, totalRamBytes, availableRamBytes, gpu, explanation } = machine;
  return (
    <section class="machine" aria-labelledby="machine-name" data-testid="machine">
      <div class="section-bar"><h2 id="machine-name">This machine</h2><button type="button" class="link" onClick={() => post({ type: "command", command: "doctor" })}>Check This Machine</button></div>
      <p>{`${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}, ${bytes(availableRamBytes)} of ${bytes(totalRamBytes)} memory free, ${gpu === null ? "no usable GPU" : `${gpu.name} with ${bytes(gpu.freeVramBytes)} of ${bytes(gpu.totalVramBytes)} free`}.`}</p>
      <p class="quiet">{explanation}</p>
      <table class="defaults">
        <caption class="visually-hidden">What follows from it, where no setting says otherwise</caption>
        <thead class="visually-hidden"><tr><th scope="col">What</th><th scope="col">Value</th><th scope="col">Why</th></tr></thead>
        <tbody>
          {defaults.map(({ name, value, why, setting }) => (
            <tr key={name}>
              <th scope="row">{setting === null ? name : <button type="button" class="link" title={`Setting kalactica.${setting}`} onClick={() => post({ type: "setting", key: setting })}>{name}</button>}</th>
              <td>{value}</td>
              <td class="quiet">{why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
