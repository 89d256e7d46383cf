/**
 * The policy as files on the device: read at the start, watched, and the last good one kept. A file that cannot be used
 * never loosens what holds: while running the policy in force stays, at a start it is the last good one of the state
 * folder, and the default where there was none.
 */
import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { z } from 'zod'
import { defined } from '../src/defined.ts'
import type { PolicyStatus } from '../src/protocol/inventory.ts'
import type { Reason } from '../src/protocol/reason.ts'
import { reasonOf } from '../src/protocol/reason.ts'
import { whyUnreadable } from '../src/why-unreadable.ts'
import { followLinks } from './files/follow-links.ts'
import { defaultPolicy } from './policy/default-policy.ts'
import type { OwnPaths, PolicyInForce } from './policy/policy-in-force.ts'
import { type Policy, policyFileSchema } from './policy/policy-schema.ts'
import { type PolicyText, readPolicy } from './policy/read-policy.ts'
import { readRecord, replaceFile } from './store/record-file.ts'

export type PolicySource = {
  readonly inForce: () => PolicyInForce
  /** for the inventory */
  readonly status: () => PolicyStatus
  /** Calls back after each change of the policy in force, or of what is wrong with its files. */
  readonly watch: (onChange: () => void) => void
  /** Resolves when nothing is being read or written any more. */
  readonly stop: () => Promise<void>
}

export type PolicySourceInput = {
  /** path of policy.yaml; the files of policy.d beside it come after it */
  readonly file: string
  readonly stateFolder: string
  /** whatever the files say */
  readonly allowPrivileged: boolean
  readonly own: OwnPaths
  readonly log: Logger
  /** for changes that nobody told of */
  readonly pollEveryMs?: number
}

const lastGoodSchema = z.object({ format: z.literal(1), files: z.array(z.string()), policy: policyFileSchema })

type InForce = { readonly policy: Policy; readonly status: PolicyStatus }

/** An editor writes in steps: judge what stands there when it is done. */
const settleMs = 200

/** Of `policy.yaml` the folder `policy.d`. */
export const policyFolderOf = (file: string): string => `${file.replace(/\.ya?ml$/, '')}.d`

/** @throws LongshoreError state-unusable */
export const openPolicySource = async (input: PolicySourceInput): Promise<PolicySource> => {
  const { file, log, pollEveryMs = 30_000 } = input
  const kept = join(input.stateFolder, 'policy.json')
  const start = await readPolicyTexts(file)
  const lastGood = await readRecord(kept, lastGoodSchema, log)
  let current: InForce =
    lastGood === undefined
      ? { policy: defaultPolicy, status: { source: 'default', files: [] } }
      : { policy: { ...defaultPolicy, ...defined(lastGood.policy) }, status: { source: 'file', files: lastGood.files } }
  let seen = ''
  let onChange: () => void = () => undefined

  const keep = async (): Promise<void> => {
    if (current.status.source === 'default') await rm(kept, { force: true })
    else await replaceFile(kept, { format: 1, files: current.status.files, policy: current.policy })
  }

  const take = async (found: FoundTexts): Promise<void> => {
    seen = JSON.stringify(found)
    const read = 'fault' in found ? { ok: false as const, fault: found.fault } : readPolicy(found.texts)
    if (!read.ok) {
      const { fault } = read
      current = { ...current, status: { ...current.status, fault } }
      const what = current.status.source === 'default' ? 'the default policy' : 'the last good policy'
      log.error({ ...fault }, `the policy files cannot be used: ${what} is in force`)
      return
    }
    const files = 'texts' in found ? found.texts.map((text) => text.file) : []
    current = { policy: read.policy, status: { source: files.length === 0 ? 'default' : 'file', files } }
    log.info({ ...current.status }, 'policy in force')
    await keep().catch((error: unknown) =>
      log.error({ ...reasonOf(error) }, 'the policy could not be kept for a restart'),
    )
  }

  await take(start)

  let turn = Promise.resolve()
  const look = (): void => {
    turn = turn.then(async () => {
      const found = await readPolicyTexts(file)
      if (JSON.stringify(found) === seen) return
      await take(found)
      onChange()
    })
  }

  const watchers = new Map<string, FSWatcher>()
  let settling: NodeJS.Timeout | undefined
  let poll: NodeJS.Timeout | undefined
  const attach = (): void => {
    for (const folder of [dirname(file), policyFolderOf(file)]) {
      if (watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, (_, name) => {
          // Others may write beside it without end.
          if (name !== null && !/\.(ya?ml|d)$/.test(name)) return
          clearTimeout(settling)
          settling = setTimeout(() => {
            attach()
            look()
          }, settleMs)
        })
        const forget = (): void => {
          watcher.close()
          watchers.delete(folder)
        }
        watcher.on('error', forget)
        watchers.set(folder, watcher)
      } catch {
        // Not there yet, or no watches left: the poll finds what changes.
      }
    }
  }

  return {
    inForce: () => ({
      policy: input.allowPrivileged ? { ...current.policy, privileged: true } : current.policy,
      own: input.own,
      resolve: followLinks,
    }),
    status: () => current.status,
    watch: (callback) => {
      onChange = callback
      attach()
      poll = setInterval(() => {
        attach()
        look()
      }, pollEveryMs)
    },
    stop: async () => {
      clearInterval(poll)
      clearTimeout(settling)
      for (const watcher of watchers.values()) watcher.close()
      watchers.clear()
      onChange = () => undefined
      await turn
    },
  }
}

type FoundTexts = { readonly texts: readonly PolicyText[] } | { readonly fault: Reason }

/** In the order in which they are joined. What is not there is no fault. */
const readPolicyTexts = async (file: string): Promise<FoundTexts> => {
  const folder = policyFolderOf(file)
  const texts: PolicyText[] = []
  let path = folder
  try {
    const names = (await readdir(folder).catch(absent)) ?? []
    const parts = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort()
    for (path of [file, ...parts.map((name) => join(folder, name))]) {
      const text = await readFile(path, 'utf8').catch(absent)
      if (text !== undefined) texts.push({ file: path, text })
    }
    return { texts }
  } catch (error) {
    return { fault: { code: 'policy-invalid', message: `${path}: ${whyUnreadable(error)}` } }
  }
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error
}
