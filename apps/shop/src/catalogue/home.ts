import type { Family } from './family.js';

export const home: Family[] = [
  {
    code: 'THROW',
    name: 'Wool throw',
    description: 'Lambswool in a herringbone weave, 130 × 180 cm.',
    variants: { oat: [8900, 12], charcoal: [8900, 9], heather: [8900, 6] },
  },
  {
    code: 'CUSHION',
    name: 'Linen cushion cover',
    description: 'Stonewashed, envelope back, 50 × 50 cm.',
    variants: { chalk: [2690, 30], ochre: [2690, 26], indigo: [2690, 24], sage: [2690, 17] },
  },
  {
    code: 'CANDLE',
    name: 'Beeswax candles, pair',
    description: 'Dipped by hand; burn for eight hours.',
    variants: { '20 cm': [1290, 55], '30 cm': [1590, 46] },
  },
  {
    code: 'HOLDER',
    name: 'Candle holder',
    description: 'Cast brass with a ring for the finger.',
    variants: { low: [1890, 21], tall: [2490, 15] },
  },
  {
    code: 'BRUSH',
    name: 'Dish brush',
    description: 'Beech and plant fibre; the head can be exchanged.',
    variants: { '': [890, 98] },
  },
  {
    code: 'BRUSH-HEAD',
    name: 'Dish brush heads, set of 3',
    description: 'Plant fibre, for the beech dish brush.',
    variants: { '': [790, 110] },
  },
  {
    code: 'BROOM',
    name: 'Hand brush and pan',
    description: 'Horsehair brush, powder-coated steel pan.',
    variants: { black: [2490, 22], 'pale blue': [2490, 14] },
  },
  {
    code: 'SOAP',
    name: 'Olive soap, 150 g',
    description: 'Cold-stirred and cured for six weeks.',
    variants: { plain: [590, 130], lavender: [650, 104], rosemary: [650, 87] },
  },
  {
    code: 'TOWEL',
    name: 'Waffle towel',
    description: 'Half-linen, dries quickly and takes little room.',
    variants: {
      '50 × 100 cm white': [1990, 40],
      '50 × 100 cm clay': [1990, 32],
      '100 × 150 cm white': [3990, 18],
    },
  },
  {
    code: 'POT',
    name: 'Terracotta pot with saucer',
    description: 'Unglazed, frost-proof, thrown on the wheel.',
    variants: { '12 cm': [990, 70], '16 cm': [1490, 52], '20 cm': [1990, 34], '26 cm': [3290, 9] },
  },
  {
    code: 'CAN',
    name: 'Watering can',
    description: 'Galvanised, with a long neck and a brass rose.',
    variants: { '1.5 l': [2990, 19], '5 l': [4490, 11] },
  },
  {
    code: 'SECATEURS',
    name: 'Secateurs',
    description: 'Forged, all parts replaceable, for left or right hands.',
    variants: { right: [3990, 16], left: [4290, 5] },
  },
  {
    code: 'TWINE',
    name: 'Jute twine, 100 m',
    description: 'Three-ply, on a wooden spool.',
    variants: { natural: [690, 92], green: [690, 75] },
  },
  {
    code: 'HOOK',
    name: 'Coat hook',
    description: 'Cast iron, two screws included.',
    variants: { single: [790, 64], double: [1090, 49] },
  },
  {
    code: 'BOX',
    name: 'Storage box',
    description: 'Birch ply with finger joints; stacks.',
    variants: { small: [2290, 27], medium: [2990, 20], large: [3990, 8] },
  },
  {
    code: 'CLOCK',
    name: 'Wall clock',
    description: 'Sweeping hand, no ticking; 25 cm.',
    variants: { white: [4990, 10], black: [4990, 7] },
  },
  {
    code: 'LAMP',
    name: 'Clamp lamp',
    description: 'Sprung steel arm, E27 socket, textile cable.',
    variants: { 'signal red': [7990, 6], grey: [7990, 9], white: [7990, 3] },
  },
  {
    code: 'FRAME',
    name: 'Picture frame',
    description: 'Solid oak, real glass, museum-board mount.',
    variants: { '13 × 18 cm': [1890, 33], '21 × 30 cm': [2690, 28], '30 × 40 cm': [3590, 12] },
  },
  {
    code: 'VASE',
    name: 'Bud vase',
    description: 'Mouth-blown from recycled glass; for a single stem.',
    variants: { clear: [1490, 24] },
  },
];
