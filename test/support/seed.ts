/** A commit is judged by the same cases every time; other cases are tried with FAST_CHECK_SEED=<number>. */
import fc from 'fast-check'

fc.configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 20_260_101) })
