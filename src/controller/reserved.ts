import type { Address } from '../lib/address.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Plan } from '../release/plan.ts';
import type { ServiceSpec } from '../release/service.ts';
import { SLOT_NAMES, type SlotName } from '../release/slot.ts';
import type { Previews, ServiceState } from '../rollout/state.ts';
import { allocatePorts } from '../workload/ports.ts';
import type { Engine } from './engine.ts';
import { capabilitiesOf } from './proxy-can.ts';
import type { Ports, Settings } from './ports.ts';

/** The addresses that services own for their life: of their slots, and for a look at each slot alone. */
export class Reserved {
  readonly #router: Ports['router'];
  readonly #engine: Engine;
  readonly #range: Settings['slotPorts'];

  constructor(router: Ports['router'], engine: Engine, range: Settings['slotPorts']) {
    this.#router = router;
    this.#engine = engine;
    this.#range = range;
  }

  /** Of a new service. Error: WORKLOAD_NO_PORTS. */
  slots(spec: ServiceSpec): Readonly<Record<SlotName, readonly Address[]>> {
    return this.#reserve(spec, spec.scale.maxReplicas, []);
  }

  /**
   * Preview addresses, to be given with the verb, for a service that is about to need them and has none.
   * Errors: PREVIEW_UNSUPPORTED, WORKLOAD_NO_PORTS.
   */
  preview(state: ServiceState, spec: ServiceSpec, plan: Plan | null): { readonly preview?: Previews } {
    const verifies = plan?.steps.some((step) => step.kind === 'verify') === true;
    if (!verifies && spec.door.preview !== true) return {};
    const { kind } = spec.door.proxy;
    if (!capabilitiesOf(this.#router, kind).preview) {
      throw new OperatingError(
        'PREVIEW_UNSUPPORTED',
        `${verifies ? 'verify' : 'preview'} needs a private address per slot, which the proxy of ${spec.name}, ${kind}, cannot give; nothing was started, nothing changed. Take it out of the file, or use proxy: builtin.`,
        { retryable: false },
      );
    }
    if (state.preview !== undefined) return {};
    const own = SLOT_NAMES.flatMap((slot) => state.addresses[slot]);
    const { blue, green } = this.#reserve(spec, 1, own);
    return { preview: { blue: blue[0]!, green: green[0]! } };
  }

  #reserve(spec: ServiceSpec, perSlot: number, own: readonly Address[]) {
    const services = this.#engine.services();
    const owned = services.flatMap(({ addresses, preview }) => [
      ...SLOT_NAMES.flatMap((slot) => addresses[slot]),
      ...(preview === undefined ? [] : [preview.blue, preview.green]),
    ]);
    const specs = [spec, ...services.map((state) => state.spec)];
    const doors = specs.flatMap(({ door, current }) => [door.listen.port, current?.port ?? door.listen.port]);
    const taken = new Set([...[...own, ...owned].map(({ port }) => port), ...doors]);
    const { blue, green } = allocatePorts({ ...this.#range, taken, perSlot });
    return { blue: blue.map(onLoopback), green: green.map(onLoopback) };
  }
}

function onLoopback(port: number): Address {
  return { host: '127.0.0.1', port };
}
