// Translates between two networks: what the learner's has is called as the learner calls it.
import type { Observed, ObservedLink, ObservedNamespace } from '../../core/observed.ts'
import type { NamespacePair, Pair } from './match.ts'

/** Translates between the two networks: places, links, and the MAC addresses of links. */
export class Names {
  readonly #places = new Map<string, string>()
  /** By the wanted place and name, and by the one that is. */
  readonly #toHave = new Map<string, string>()
  readonly #toWant = new Map<string, string>()
  /** Of a MAC, the link that has it, by its wanted name. */
  readonly #ownersHave = new Map<string, string>()
  readonly #ownersWant = new Map<string, string>()
  readonly #macs = new Map<string, string>()
  readonly #wanted: Observed

  constructor(have: Observed, want: Observed, pairs: readonly NamespacePair[]) {
    this.#wanted = want
    for (const pair of pairs) {
      if (pair.want === undefined) continue
      this.#places.set(pair.want.place, placeOf(pair))
      for (const { have: one, want: other } of pair.links) {
        if (one === undefined || other === undefined) continue
        this.#toHave.set(`${pair.want.place} ${other.name}`, one.name)
        this.#toWant.set(`${pair.want.place} ${one.name}`, other.name)
        if (one.mac !== undefined) this.#ownersHave.set(one.mac, `${pair.want.place} ${other.name}`)
        if (one.mac !== undefined && other.mac !== undefined) this.#macs.set(other.mac, one.mac)
      }
    }
    for (const { place, link } of linksOf(want)) if (link.mac !== undefined) this.#ownersWant.set(link.mac, `${place} ${link.name}`)
    for (const { place, link } of linksOf(have)) if (link.mac !== undefined && !this.#ownersHave.has(link.mac)) this.#ownersHave.set(link.mac, `only ${place} ${link.name}`)
  }

  /** The learner's place for a wanted one. */
  place(wanted: string): string {
    return this.#places.get(wanted) ?? wanted
  }

  /** The learner's name for a wanted link. */
  toHave(place: string, wanted: string): string {
    return this.#toHave.get(`${place} ${wanted}`) ?? wanted
  }

  /** The wanted name for a link of the learner's; one that has no counterpart keeps its own. */
  toWant(place: string, own: string): string {
    return this.#toWant.get(`${place} ${own}`) ?? own
  }

  /** Whose MAC it is: random ones are the same if they are the same link's. */
  macInHave(mac: string): string {
    return this.#ownersHave.get(mac) ?? this.macInWant(mac)
  }

  macInWant(mac: string): string {
    return this.#ownersWant.get(mac) ?? mac
  }

  /** The MAC that the learner's link has. */
  macToHave(mac: string): string {
    return this.#macs.get(mac) ?? mac
  }

  /** Somebody was told this MAC, so it has to be just this one. */
  macMatters(mac: string): boolean {
    return this.#wanted.nodes.flatMap(node => node.namespaces).some(({ neighbours, forwarding }) =>
      [...neighbours, ...forwarding].some(entry => entry.kind === 'permanent' && entry.mac === mac))
  }

  /** Words of a rule, with the learner's links under their wanted names. */
  textInWant(place: string, text: string): string {
    return text.replaceAll(/(?<![\w.-])[\w.-]+(?![\w.-])/g, word => this.toWant(place, word))
  }

  textInHave(place: string, text: string): string {
    return text.replaceAll(/(?<![\w.-])[\w.-]+(?![\w.-])/g, word => this.toHave(place, word))
  }
}

function linksOf(observed: Observed): readonly { readonly place: string; readonly link: ObservedLink }[] {
  return observed.nodes.flatMap(node => node.namespaces.flatMap(({ place, links }) => links.map(link => ({ place, link }))))
}

export function placeOf({ have, want }: Pair<ObservedNamespace>): string {
  return have?.place ?? want?.place ?? ''
}

/** The place by which the two networks' names are told apart. */
export function wantedPlace({ have, want }: Pair<ObservedNamespace>): string {
  return want?.place ?? have?.place ?? ''
}
