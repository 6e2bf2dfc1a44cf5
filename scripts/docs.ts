// npm run docs: writes the documents that follow from the tables.
import { writeFileSync } from 'node:fs';
import { documents } from './documents.ts';

for (const [path, text] of documents()) writeFileSync(path, text);
