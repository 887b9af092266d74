// Pairs of files by name, never by order: the rules of mmdrfuse/datasets/sets/pairing.py.

const INFRARED = ["infrared", "ir", "lwir", "mwir", "swir", "nir", "thermal", "t", "ct", "pet", "spect"];
const VISIBLE = ["visible", "visual", "vis", "vi", "v", "rgb", "mri", "mr"];
const ENDINGS = /\.(png|jpe?g|bmp|webp|gif|avif)$/i;
const word = (words) => new RegExp(`(?<!\\p{L})(?:${words.join("|")})(?!\\p{L})`, "giu");

const WORDS = word([...INFRARED, ...VISIBLE]);
const SIDES = { infrared: word(INFRARED), visible: word(VISIBLE) };
const CHANNEL = /[_\-. ][gr]$/i; // TNO appends the colour channel that a picture is of
const GAPS = /[_\-. ]+/g;

export const isPictureName = (name) => !name.startsWith(".") && ENDINGS.test(name);

const stem = (name) => name.replace(/\.[^.]+$/, "").normalize("NFC");

function bare(name) {
  const without = name.replace(WORDS, "_");
  const channel = without === name ? without : without.replace(CHANNEL, "");
  return channel.replace(GAPS, "_").replace(/^_+|_+$/g, "");
}

// Return the side that a name speaks of, or null if it names none or both.
export function sideOf(name) {
  const sides = Object.keys(SIDES).filter((side) => name.search(SIDES[side]) >= 0);
  return sides.length === 1 ? sides[0] : null;
}

// Split the files of one folder into sides: by the names of folders, else by their own. Entries are {path, file}.
export function splitSides(entries) {
  const sides = { infrared: [], visible: [] };
  const unassigned = [];
  for (const entry of entries) {
    const folders = entry.path.split("/");
    const name = folders.pop();
    const at = folders.findLastIndex((folder) => sideOf(folder));
    const side = at >= 0 ? sideOf(folders[at]) : sideOf(stem(name));
    if (at >= 0) folders.splice(at, 1); // the rest is the same on both sides
    if (side) sides[side].push({ ...entry, path: [...folders, name].join("/") });
    else unassigned.push(entry);
  }
  return { sides, unassigned };
}

// Pair two lists of {path, file}: {pairs: [{name, infrared, visible}], unpaired: [path]}.
export function pairFiles(infrared, visible) {
  const groups = new Map();
  const unpaired = [];
  for (const [side, entries] of [["infrared", infrared], ["visible", visible]]) {
    for (const entry of entries) {
      const folders = entry.path.split("/");
      const name = folders.pop();
      if (!isPictureName(name)) {
        unpaired.push(entry.path);
        continue;
      }
      const group = folders.join("/");
      if (!groups.has(group)) groups.set(group, { infrared: [], visible: [] });
      groups.get(group)[side].push({ ...entry, name });
    }
  }
  const pairs = [];
  for (const [group, sides] of groups) pairGroup(group, sides, pairs, unpaired);
  return { pairs: pairs.sort((a, b) => (a.name < b.name ? -1 : 1)), unpaired };
}

// Whole names first, then names without the words for the sides. A name that fits more than one file pairs none.
function pairGroup(group, { infrared, visible }, pairs, unpaired) {
  const taken = new Set();
  const key = (name) => bare(name).toLowerCase();
  for (const [nameOf, keyOf] of [[(name) => name, (name) => name], [bare, key]]) {
    const left = byKey(infrared, keyOf);
    const right = byKey(visible, keyOf);
    infrared = [];
    visible = [];
    for (const shared of new Set([...left.keys(), ...right.keys()])) {
      const [ours, theirs] = [left.get(shared) ?? [], right.get(shared) ?? []];
      if (!ours.length || !theirs.length) {
        infrared.push(...ours);
        visible.push(...theirs);
        continue;
      }
      const name = nameOf(stem(ours[0].name)) || stem(ours[0].name);
      if (ours.length === 1 && theirs.length === 1 && !taken.has(name)) {
        taken.add(name);
        pairs.push({ name: [group, name].filter(Boolean).join("/"), infrared: ours[0], visible: theirs[0] });
      } else {
        unpaired.push(...[...ours, ...theirs].map(({ path }) => path));
      }
    }
  }
  unpaired.push(...[...infrared, ...visible].map(({ path }) => path));
}

function byKey(entries, keyOf) {
  const groups = new Map();
  for (const entry of entries) {
    const key = keyOf(stem(entry.name));
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(entry);
  }
  return groups;
}
