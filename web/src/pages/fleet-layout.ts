// Where each accelerator is drawn: groups of equal nodes below each other, nodes in rows, cells in nodes. Pure arithmetic.

export interface Columns {
  pool: readonly number[];
  type: readonly number[];
  count: readonly number[];
}

export interface Group {
  /** The first of its nodes, in the order of the fleet, and how many there are: equal ones stand together. */
  first: number;
  nodes: number;
  cells: number;
  firstCell: number;
  pool: number;
  type: number;
  across: number;
  top: number;
  bottom: number;
  nodeWidth: number;
  nodeHeight: number;
  perRow: number;
}

export interface Layout {
  groups: Group[];
  height: number;
  cell: number;
}

export interface Spot {
  node: number;
  index: number;
  cell: number;
}

export const HEAD_PX = 26;
const GAP_PX = 1;
const NODE_GAP_PX = 5;
const GROUP_GAP_PX = 14;
const ACROSS = 8;

export function layOut(fleet: Columns, width: number, cell: number): Layout {
  const groups: Group[] = [];
  let y = 0;
  let cells = 0;
  const pitch = cell + GAP_PX;
  for (let i = 0; i < fleet.count.length; ) {
    let end = i;
    while (end < fleet.count.length && fleet.pool[end] === fleet.pool[i] && fleet.type[end] === fleet.type[i] && fleet.count[end] === fleet.count[i]) end += 1;
    const each = Math.max(1, fleet.count[i]!);
    const across = Math.min(each, ACROSS);
    const nodeWidth = across * pitch - GAP_PX + NODE_GAP_PX;
    const nodeHeight = Math.ceil(each / across) * pitch - GAP_PX + NODE_GAP_PX;
    const perRow = Math.max(1, Math.floor((width + NODE_GAP_PX) / nodeWidth));
    const top = y + HEAD_PX;
    const bottom = top + Math.ceil((end - i) / perRow) * nodeHeight;
    groups.push({ first: i, nodes: end - i, cells: each, firstCell: cells, pool: fleet.pool[i]!, type: fleet.type[i]!, across, top, bottom, nodeWidth, nodeHeight, perRow });
    cells += each * (end - i);
    y = bottom + GROUP_GAP_PX;
    i = end;
  }
  return { groups, height: y, cell };
}

/** What is at a point, or null between the nodes. */
export function spotAt(layout: Layout, x: number, y: number): Spot | null {
  const group = layout.groups.find((one) => y >= one.top && y < one.bottom);
  if (!group || x < 0) return null;
  const column = Math.floor(x / group.nodeWidth);
  if (column >= group.perRow) return null;
  const row = Math.floor((y - group.top) / group.nodeHeight);
  const number = row * group.perRow + column;
  if (number >= group.nodes) return null;
  const pitch = layout.cell + GAP_PX;
  const inX = Math.floor((x - column * group.nodeWidth) / pitch);
  const inY = Math.floor((y - group.top - row * group.nodeHeight) / pitch);
  const index = inY * group.across + inX;
  if (inX >= group.across || index >= group.cells) return null;
  return { node: group.first + number, index, cell: group.firstCell + number * group.cells + index };
}

/** The upper left corner of a node. */
export function cornerOf(layout: Layout, node: number): { x: number; y: number; group: Group } | null {
  const group = layout.groups.find((one) => node >= one.first && node < one.first + one.nodes);
  if (!group) return null;
  const number = node - group.first;
  return {
    x: (number % group.perRow) * group.nodeWidth,
    y: group.top + Math.floor(number / group.perRow) * group.nodeHeight,
    group,
  };
}

/** Calls `draw` for each cell of the nodes between two heights. */
export function cellsBetween(layout: Layout, from: number, to: number, draw: (cell: number, x: number, y: number) => void): void {
  const pitch = layout.cell + GAP_PX;
  for (const group of layout.groups) {
    if (group.bottom <= from || group.top >= to) continue;
    const firstRow = Math.max(0, Math.floor((from - group.top) / group.nodeHeight));
    const lastRow = Math.floor((to - group.top) / group.nodeHeight);
    const end = Math.min(group.nodes, (lastRow + 1) * group.perRow);
    for (let number = firstRow * group.perRow; number < end; number += 1) {
      const x = (number % group.perRow) * group.nodeWidth;
      const y = group.top + Math.floor(number / group.perRow) * group.nodeHeight;
      const cell = group.firstCell + number * group.cells;
      for (let i = 0; i < group.cells; i += 1) draw(cell + i, x + (i % group.across) * pitch, y + Math.floor(i / group.across) * pitch);
    }
  }
}
