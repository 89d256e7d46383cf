/** A link on which nothing passes any more, and nobody is told. */
import { proveMatrix } from '../support/connectivity-matrix.ts'

proveMatrix('freeze')
