/** A long campaign in steps: each is done once, also over several runs, and what came of it is kept in a file. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type CampaignStep = { readonly name: string; readonly cases: number; readonly seconds: number }

export type Campaign = {
  /** Does a step, unless a run before has done it. @param work tells how many cases it tried */
  readonly step: (name: string, work: () => Promise<number>) => Promise<void>
}

/** Ignored by git. */
const folder = 'prove-state'

export const openCampaign = (campaign: string): Campaign => {
  mkdirSync(folder, { recursive: true })
  const path = campaignPath(campaign)
  const done: CampaignStep[] = readSteps(path)
  return {
    step: async (name, work) => {
      if (done.some((step) => step.name === name)) return
      const startedAt = performance.now()
      const cases = await work()
      const step = { name, cases, seconds: Math.round((performance.now() - startedAt) / 1000) }
      done.push(step)
      // A line each: several files of tests may be parts of one campaign.
      appendFileSync(path, `${JSON.stringify(step)}\n`)
      process.stdout.write(`${new Date().toISOString()} ${name}\n`)
    },
  }
}

export const campaignPath = (campaign: string): string => join(folder, `${campaign}.jsonl`)

export const readSteps = (path: string): CampaignStep[] => {
  try {
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as CampaignStep)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
