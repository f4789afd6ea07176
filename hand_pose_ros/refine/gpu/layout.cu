// What goes into the refinement on a GPU and what comes out, a hand; one block of threads a hand and a fit.
//
// The same as energy.py, surface_solver.py and what these call, in the same order, in float64: what is explained there
// is not explained again. A test compiles it for the CPU and compares the two. Names in capitals come from
// kernel_source.py, which writes them before this text and joins these files: hand/gpu/hand_model, layout, regression,
// surface_capsules, surface_terms, surface_solver.
//
// In: crops (N, S, S) float32 and an Input each. Out: an Output each. Lengths are metres, angles radians.

struct Input {
    double joints[JOINTS][3], sigma[JOINTS], parameters[PARAMETERS];
    double network_shape[SHAPE], shape[SHAPE];
    double shape_known, fit_shape;  // 0 or 1
    double thickness, thickness_spread;
    double previous_known, previous_angles[ANGLES];
    double slack, trust, distance, half;
};

struct Solution {
    double rotation[9], translation[3], angles[ANGLES], shape[SHAPE], joints[JOINTS][3];
    double thickness, thickness_spread, energy;
    double pixel_counts[3], sample_counts[3];
    double tips_moved;  // how far the previous angles would put a fingertip from this hand's
};

struct Output {
    double joints[JOINTS][3];  // regressed
    Solution solutions[PROBLEMS];
};
