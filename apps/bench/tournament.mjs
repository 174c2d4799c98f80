import { CONTESTANTS } from './contestants/contestant.mjs';
import { ENDURANCES } from './workloads/heap.mjs';
import { WORKLOADS } from './workloads/index.mjs';

/** @typedef {import('./contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {import('./entrant.mjs').Entrant} Entrant */
/** @typedef {import('./options.mjs').Options} Options */
/** @typedef {import('./workloads/workload.mjs').Call} Call */
/** @typedef {import('./workloads/workload.mjs').Line} Line */
/** @typedef {import('./workloads/workload.mjs').Sample} Sample */
/** @typedef {import('./workloads/workload.mjs').Workload} Workload */
/** @typedef {import('./workloads/heap.mjs').Growth} Growth */

/** How long the heap is filled at most, in turns. */
const ENDURANCE_TURNS = 20;

/**
 * @typedef {object} Measured
 * @property {Map<Line, Map<ContestantName, number>>} roundTrips
 * @property {Map<Line, Map<ContestantName, Sample[]>>} samples one of each round
 * @property {{ title: string, contestant: ContestantName, growth: Growth }[]} growths
 */

/** Lets the entrants do everything that was asked for, taking turns. */
export class Tournament {
  /** @type {Measured} */
  #measured = { roundTrips: new Map(), samples: new Map(), growths: [] };
  #turnsTaken = 0;
  #entrants;
  #options;
  #tell;

  /**
   * @param {readonly Entrant[]} entrants
   * @param {Options} options
   * @param {(what: string, share: number) => void} tell how far it is
   */
  constructor(entrants, options, tell) {
    this.#entrants = entrants;
    this.#options = options;
    this.#tell = tell;
    this.workloads = WORKLOADS.filter(
      (workload) => options.only.includes(workload.name) && this.#entrantsOf(workload).length > 0,
    );
  }

  /** @returns {Promise<Measured>} */
  async run() {
    for (const entrant of this.#entrants) await this.#countRoundTrips(entrant);
    // The first round only warms up.
    for (let round = 0; round <= this.#options.rounds; round++) await this.#round(round);
    if (this.#options.only.includes('heap')) await this.#endurances();
    return this.#measured;
  }

  /** @param {Entrant} entrant */
  async #countRoundTrips(entrant) {
    /** @type {Map<Call, number>} */
    const counted = new Map();
    for (const workload of this.workloads.filter((each) => takesPart(entrant, each))) {
      for (const line of workload.lines) {
        const call = line.call ?? workload.call;
        if (call === undefined) continue;
        const known = counted.get(call);
        const roundTrips = known ?? (await this.#countOne(entrant, workload, line));
        counted.set(call, roundTrips);
        entryOf(this.#measured.roundTrips, line, () => new Map()).set(entrant.name, roundTrips);
      }
    }
  }

  /**
   * @param {Entrant} entrant
   * @param {Workload} workload
   * @param {Line} line
   */
  async #countOne(entrant, workload, line) {
    const { roundTrips, calls } = await entrant.ask('countRoundTrips', workload.name, line.label);
    entrant.report(calls, line.effect ?? workload.effect);
    return roundTrips;
  }

  /** @param {number} round */
  async #round(round) {
    for (const workload of this.workloads) {
      for (const line of workload.lines) {
        for (const entrant of rotated(this.#entrantsOf(workload), round)) {
          this.#announce(entrant, `round ${round} · ${workload.name}, ${line.label}`);
          const sample = await entrant.ask('turn', workload.name, line.label, this.#options.roundMs);
          entrant.report(sample.calls, line.effect ?? workload.effect);
          if (round > 0) this.#samplesOf(line, entrant).push(sample);
        }
      }
    }
  }

  async #endurances() {
    for (const { title, effect } of ENDURANCES) {
      for (const entrant of this.#entrants) {
        this.#announce(entrant, `heap ${title}`);
        const { growth, calls } = await entrant.ask('endure', title, this.#options.roundMs * ENDURANCE_TURNS);
        entrant.report(calls, effect);
        this.#measured.growths.push({ title, contestant: entrant.name, growth });
      }
    }
  }

  /**
   * @param {Line} line
   * @param {Entrant} entrant
   * @returns {Sample[]}
   */
  #samplesOf(line, entrant) {
    const ofLine = entryOf(this.#measured.samples, line, () => new Map());
    return entryOf(ofLine, entrant.name, () => []);
  }

  /**
   * @param {Entrant} entrant
   * @param {string} what
   */
  #announce({ name }, what) {
    this.#tell(`${what} · ${CONTESTANTS[name].title}`, this.#turnsTaken++ / this.#turns);
  }

  get #turns() {
    const ofRound = this.workloads.map((each) => each.lines.length * this.#entrantsOf(each).length);
    const endurances = this.#options.only.includes('heap') ? ENDURANCES.length : 0;
    const inRounds = ofRound.reduce((total, turns) => total + turns, 0) * (this.#options.rounds + 1);
    return inRounds + this.#entrants.length * endurances;
  }

  /** @param {Workload} workload */
  #entrantsOf(workload) {
    return this.#entrants.filter((entrant) => takesPart(entrant, workload));
  }
}

/**
 * @param {Entrant} entrant
 * @param {Workload} workload
 */
function takesPart({ name }, { contestants }) {
  return contestants === undefined || contestants.includes(name);
}

/**
 * Who comes first changes from round to round, so that nobody always follows the same one.
 *
 * @template T
 * @param {readonly T[]} list
 * @param {number} by
 */
function rotated(list, by) {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/**
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {() => V} make
 * @returns {V}
 */
function entryOf(map, key, make) {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
