/**
 * What two have made of the same thing: a row for each field in which they differ.
 *
 * @param names - the fields to compare
 * @param versions - seen: before both; theirs: what is stored now; yours: what is not
 * @returns rows of { name, seen, theirs, yours, choice }, of which `choice` is the side that has changed it, and nothing when both have
 */
export function compare(names, { seen, theirs, yours }) {
  return names
    .filter((name) => theirs[name] !== yours[name])
    .map((name) => ({
      name,
      seen: seen[name],
      theirs: theirs[name],
      yours: yours[name],
      choice: choiceOf({ seen: seen[name], theirs: theirs[name], yours: yours[name] }),
    }));
}

function choiceOf({ seen, theirs, yours }) {
  if (theirs === seen) return 'yours';
  return yours === seen ? 'theirs' : undefined;
}
