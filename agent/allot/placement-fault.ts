/** Whether an app belongs on a device, by the constraints of all of its services. Pure. */
import type { Model } from '../../src/compose/model.ts'
import { type Constraint, isNumber, parseConstraint } from '../../src/compose/placement.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import { canonicalArch } from './canonical-arch.ts'
import { gibibytes } from './gpu-text.ts'
import type { Site } from './site.ts'

/** The first constraint that does not hold; undefined: it belongs here. */
export const placementFault = (model: Model, site: Site): Reason | undefined => {
  for (const name of Object.keys(model.services).sort())
    for (const [index, text] of (model.services[name]?.deploy?.placement?.constraints ?? []).entries()) {
      const parsed = parseConstraint(text)
      const has = parsed.ok ? failing(parsed.constraint, site) : 'no such constraint'
      if (has !== undefined)
        return {
          code: 'placement',
          message: `service ${name} belongs where ${parsed.ok ? wordsOf(parsed.constraint) : text}; this device has ${has}`,
          path: `compose.services.${name}.deploy.placement.constraints[${index}]`,
        }
    }
  return undefined
}

/** What the device has, where the constraint does not hold. */
const failing = ({ term, operator, value }: Constraint, site: Site): string | undefined => {
  const found = factsOf(term, site)
  const wanted = term === 'node.platform.arch' ? canonicalArch(value) : value
  const does = (fact: string): boolean => compares(fact, operator, wanted)
  // Of several, none may be what is ruled out; else one of them is enough.
  const holds = operator === '!=' ? found.every(does) : found.some(does)
  if (holds) return undefined
  if (found.length === 0) return `no ${term.replace(/^node\.labels\./, 'label ')}`
  return [...new Set(found.map((fact) => shown(term, fact)))].join(', ')
}

const wordsOf = ({ term, operator, value }: Constraint): string => `${term} ${operator} ${shown(term, value)}`

const shown = (term: string, value: string): string => (term === 'device.gpu.memory' ? gibibytes(Number(value)) : value)

const factsOf = (term: string, site: Site): readonly string[] => {
  const { device, hostname, os, arch, labels, devices } = site
  switch (term) {
    case 'node.id':
      return [device]
    case 'node.hostname':
      return [hostname]
    case 'node.platform.os':
      return [os]
    case 'node.platform.arch':
      return [canonicalArch(arch)]
    case 'device.gpu.vendor':
      // The GPU of a Jetson is one of NVIDIA.
      return devices.flatMap(({ gpu }) => (gpu === undefined ? [] : [gpu.vendor.replace(/-jetson$/, '')]))
    case 'device.gpu.memory':
      return devices.flatMap(({ gpu }) => (gpu?.memoryBytes === undefined ? [] : [String(gpu.memoryBytes)]))
  }
  const [, label] = /^node\.labels\.(.+)$/.exec(term) ?? []
  if (label !== undefined) return Object.hasOwn(labels, label) ? [labels[label] ?? ''] : []
  const kind = term.replace(/^device\./, '')
  return [String(devices.filter((one) => one.class === kind).length)]
}

/** Texts without regard to capitals, as Swarm compares them. */
const compares = (fact: string, operator: Constraint['operator'], wanted: string): boolean => {
  if (operator === '==') return fact.toLowerCase() === wanted.toLowerCase()
  if (operator === '!=') return fact.toLowerCase() !== wanted.toLowerCase()
  if (!isNumber(fact)) return false
  const [a, b] = [Number(fact), Number(wanted)]
  return operator === '>=' ? a >= b : operator === '<=' ? a <= b : operator === '>' ? a > b : a < b
}
