/**
 * One constraint of `deploy.placement.constraints`: where a service may run, as Swarm writes it, over what a device says
 * of itself. Pure.
 */
import { hostDeviceClasses } from '../protocol/host-device.ts'
import { labelKeyPattern } from '../protocol/label.ts'
import { quote } from './authored.ts'
import { suggest } from './suggest.ts'
import { parseSizeBytes } from './units.ts'

export const operators = ['==', '!=', '>=', '<=', '>', '<'] as const
export type Operator = (typeof operators)[number]

export type Constraint = {
  readonly term: string
  readonly operator: Operator
  /** as it is written; of `device.gpu.memory` in bytes */
  readonly value: string
}

const plainTerms = ['node.id', 'node.hostname', 'node.platform.os', 'node.platform.arch', 'device.gpu.vendor'] as const

/** Counts, by class of the inventory. A pseudo-terminal comes and goes with a program, and places nothing. */
const countTerms = hostDeviceClasses.filter((name) => name !== 'pty').map((name) => `device.${name}`)

const memoryTerm = 'device.gpu.memory'
const labelPrefix = 'node.labels.'

export type ParsedConstraint =
  | { readonly ok: true; readonly constraint: Constraint /** its one spelling */; readonly text: string }
  | { readonly ok: false; readonly fault: string; readonly remedy: string }

export const parseConstraint = (written: string): ParsedConstraint => {
  const [, term = '', operator = '', value = ''] =
    /^\s*([^\s=!<>]+)\s*(==|!=|>=|<=|>|<)\s*(.*?)\s*$/.exec(written) ?? []
  if (value === '') return fault('is no constraint', 'write what, how and a value: node.labels.line == 3')
  const read = readValue(term, operator as Operator, value)
  if ('fault' in read) return fault(read.fault, read.remedy)
  const constraint = { term, operator: operator as Operator, value: read.value }
  return { ok: true, constraint, text: `${term} ${operator} ${read.value}` }
}

const fault = (text: string, remedy: string): ParsedConstraint => ({ ok: false, fault: text, remedy })

type ReadValue = { readonly value: string } | { readonly fault: string; readonly remedy: string }

const readValue = (term: string, operator: Operator, value: string): ReadValue => {
  const isEqual = operator === '==' || operator === '!='
  if (countTerms.includes(term))
    return /^\d{1,4}$/.test(value)
      ? { value: String(Number(value)) }
      : { fault: `counts devices: ${quote(value)} is no number`, remedy: `write ${term} >= 1` }
  if (term === memoryTerm) {
    const sizeBytes = parseSizeBytes(value)
    return sizeBytes === undefined
      ? { fault: `compares sizes: ${quote(value)} is none`, remedy: `write ${term} >= 6g` }
      : { value: String(sizeBytes) }
  }
  if (term.startsWith(labelPrefix)) {
    const key = term.slice(labelPrefix.length)
    if (!labelKeyPattern.test(key))
      return { fault: `names no label: ${quote(key)}`, remedy: 'write node.labels. and the name of the label' }
    if (!isEqual && !isNumber(value))
      return { fault: `compares by number: ${quote(value)} is none`, remedy: `write ${term} == ${value}` }
    return { value }
  }
  if (!(plainTerms as readonly string[]).includes(term))
    return { fault: `asks for ${quote(term)}, which no device tells`, remedy: remedyOf(term) }
  return isEqual ? { value } : { fault: `compares ${term} by number`, remedy: `write ${term} == ${value}` }
}

const remedyOf = (term: string): string => {
  if (term.startsWith('engine.labels.'))
    return `label the device instead: longshore label --device ID ${term.slice('engine.labels.'.length)}=…, and write node.labels.`
  if (term === 'node.role') return 'leave it away: a device is neither a manager nor a worker'
  const near = suggest(term, [...plainTerms, memoryTerm, ...countTerms])
  if (near !== undefined) return `did you mean ${near}?`
  return `write ${plainTerms.join(', ')}, ${labelPrefix}NAME, device.CLASS or ${memoryTerm}`
}

export const isNumber = (text: string): boolean => /^[+-]?\d+(\.\d+)?$/.test(text)
