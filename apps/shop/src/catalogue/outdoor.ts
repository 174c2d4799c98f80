import type { Family } from './family.js';

export const outdoor: Family[] = [
  {
    code: 'TENT',
    name: 'Ridge tent',
    description: 'Two doors, two porches and poles that cannot be confused.',
    variants: { '2 persons': [28900, 6], '3 persons': [34900, 3] },
  },
  {
    code: 'TARP',
    name: 'Rain tarp',
    description: 'Ripstop nylon with taped seams and eight loops.',
    variants: { '3 × 3 m': [8900, 14], '4 × 3 m': [10900, 9] },
  },
  {
    code: 'BAG',
    name: 'Sleeping bag',
    description: 'Synthetic filling that stays warm when damp.',
    variants: { 'summer, 10 °C': [7900, 18], 'spring, 2 °C': [10900, 12], 'winter, −6 °C': [15900, 2] },
  },
  {
    code: 'MAT',
    name: 'Sleeping mat',
    description: 'Folds like an accordion and never goes flat.',
    variants: { short: [2990, 26], long: [3690, 30] },
  },
  {
    code: 'STOVE',
    name: 'Spirit stove',
    description: 'Brass burner, wind shield and two pots in one bundle.',
    variants: { solo: [5490, 11], duo: [6990, 7] },
  },
  {
    code: 'BOTTLE',
    name: 'Steel water bottle',
    description: 'Single wall, wide mouth, no coating.',
    variants: { '0.5 l': [1690, 62], '0.75 l': [1890, 57], '1 l': [2190, 38] },
  },
  {
    code: 'FLASK',
    name: 'Vacuum flask',
    description: 'Hot for twelve hours; the cup is the lid.',
    variants: { '0.5 l': [2990, 28], '1 l': [3890, 20] },
  },
  {
    code: 'LAMP',
    name: 'Head torch',
    description: '300 lumens, a red light for the map, rechargeable.',
    variants: { black: [3990, 24], orange: [3990, 19] },
  },
  {
    code: 'LANTERN',
    name: 'Camp lantern',
    description: 'Warm light, hangs or stands, 40 hours on a charge.',
    variants: { sand: [4490, 13], green: [4490, 10] },
  },
  {
    code: 'KNIFE',
    name: 'Folding knife',
    description: 'Carbon steel, beech handle, a ring that locks it open and shut.',
    variants: { '7 cm': [1490, 45], '8 cm': [1690, 51], '9 cm': [1890, 33] },
  },
  {
    code: 'PACK',
    name: 'Roll-top backpack',
    description: 'Waxed canvas, leather straps, a sleeve for the map.',
    variants: { '15 l': [8900, 12], '25 l': [11900, 8], '40 l': [15900, 1] },
  },
  {
    code: 'DRYBAG',
    name: 'Dry bag',
    description: 'Welded seams; floats when closed.',
    variants: { '5 l': [1290, 47], '10 l': [1590, 42], '20 l': [1990, 29], '40 l': [2690, 14] },
  },
  {
    code: 'BLANKET',
    name: 'Picnic blanket',
    description: 'Recycled wool above, waxed cotton below; 140 × 180 cm.',
    variants: { 'moss check': [6490, 10], 'rust check': [6490, 8] },
  },
  {
    code: 'COMPASS',
    name: 'Base-plate compass',
    description: 'Liquid-filled, with a ruler, a lens and luminous marks.',
    variants: { '': [2490, 31] },
  },
  {
    code: 'ROPE',
    name: 'Utility cord, 10 m',
    description: 'Braided polyester that holds a knot and does not stretch.',
    variants: { '3 mm': [590, 90], '5 mm': [890, 76], '8 mm': [1390, 40] },
  },
  {
    code: 'PEG',
    name: 'Tent pegs, set of 8',
    description: 'Three-edged aluminium with a loop to pull.',
    variants: { short: [1190, 54], long: [1490, 37] },
  },
  {
    code: 'HAMMOCK',
    name: 'Travel hammock',
    description: 'Parachute silk, straps for the trees included.',
    variants: { ocean: [5990, 9], pine: [5990, 0] },
  },
  {
    code: 'CHAIR',
    name: 'Folding stool',
    description: 'Ash legs and a canvas seat; carries 110 kg.',
    variants: { natural: [4990, 15], navy: [4990, 12] },
  },
  {
    code: 'SOCKS',
    name: 'Hiking socks',
    description: 'Merino wool with a padded heel.',
    variants: { '36–38': [1990, 35], '39–41': [1990, 48], '42–44': [1990, 44], '45–47': [1990, 21] },
  },
  {
    code: 'WHISTLE',
    name: 'Brass whistle',
    description: 'No ball that could freeze; heard a kilometre away.',
    variants: { '': [790, 68] },
  },
];
