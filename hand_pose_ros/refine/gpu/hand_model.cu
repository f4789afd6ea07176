// The refinement on a GPU: the regression from palm to tips and the surface fit, one block of threads a hand.
//
// The same as energy.py, surface_solver.py and what these call, in the same order, in float64: what is explained there
// is not explained again. A test compiles it for the CPU and compares the two. Names in capitals come from
// kernel_source.py, which writes them before this text and joins these files: hand_model, regression,
// surface_capsules, surface_terms, surface_solver.
//
// In: crops (N, S, S) float32 and an Input each. Out: an Output each. Lengths are metres, angles radians.
//
// Every loop over EACH(i, n) is shared out among the block's threads; between two that depend on each other the threads
// wait for each other. What all threads decide on is in shared memory and the same for all.

#define EACH(i, n) for (int i = threadIdx.x; i < (n); i += blockDim.x)
#define INFINITE (1e300 * 1e300)

struct Input {
    double joints[JOINTS][3], sigma[JOINTS], parameters[PARAMETERS];
    double network_shape[SHAPE], shape[SHAPE];
    double shape_known, fit_shape;  // 0 or 1
    double thickness, thickness_spread;
    double previous_known, previous_angles[ANGLES];
    double slack, distance, half;
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

static __device__ double limited(double x, double low, double high) {
    return x < low ? low : (x > high ? high : x);
}

struct Offsets {
    double wrist[2][3], bases[5][3], lengths[5][3];
};

static __device__ void scale_finger(const double* shape, int f, Offsets& offsets) {
    double hand = exp(shape[SHAPE_HAND]);
    double along = hand * exp(shape[SHAPE_PALM_LENGTH]), across = hand * exp(shape[SHAPE_PALM_WIDTH]);
    offsets.bases[f][0] = BASES[f][0] * along;
    offsets.bases[f][1] = BASES[f][1] * across;
    offsets.bases[f][2] = BASES[f][2] * hand;
    double finger = hand * exp(shape[SHAPE_FIRST_FINGER + f]);
    for (int i = 0; i < 3; i++) offsets.lengths[f][i] = LENGTHS[f][i] * finger;
    if (f == 0) offsets.lengths[0][0] = LENGTHS[0][0] * hand * exp(shape[SHAPE_METACARPAL]);
}

static __device__ void scale_wrist(const double* shape, Offsets& offsets) {
    double hand = exp(shape[SHAPE_HAND]);
    double along = hand * exp(shape[SHAPE_PALM_LENGTH]), across = hand * exp(shape[SHAPE_PALM_WIDTH]);
    for (int i = 0; i < 2; i++) {
        offsets.wrist[i][0] = WRIST[i][0] * along;
        offsets.wrist[i][1] = WRIST[i][1] * across;
        offsets.wrist[i][2] = WRIST[i][2] * hand;
    }
}

static __device__ void turned_and_moved(const double* rotation, const double* offset, const double* origin, double* out) {
    for (int k = 0; k < 3; k++)
        out[k] = rotation[3 * k] * offset[0] + rotation[3 * k + 1] * offset[1] + rotation[3 * k + 2] * offset[2] + origin[k];
}

// Joints and axes of a finger (f < 5), or of palm and wrist (f = 5), of offsets that are scaled here.
static __device__ void place_part(
    int f, const double* rotation, const double* translation, const double* angles, const double* shape,
    Offsets& offsets, double (*joints)[3], double (*axes)[3]
) {
    if (f == 5) {
        scale_wrist(shape, offsets);
        for (int k = 0; k < 3; k++) joints[0][k] = translation[k];
        for (int i = 0; i < 2; i++) turned_and_moved(rotation, offsets.wrist[i], translation, joints[1 + i]);
        return;
    }
    scale_finger(shape, f, offsets);
    double frame[3][3];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            double total = 0.0;
            for (int k = 0; k < 3; k++) total += rotation[3 * r + k] * REST[f][k][c];
            frame[r][c] = total;
        }
    double bend = angles[FINGER_ANGLES[f][0]], c = cos(bend), s = sin(bend);
    turned_and_moved(rotation, offsets.bases[f], translation, joints[FINGER_JOINTS[f][0]]);
    for (int k = 0; k < 3; k++) {
        axes[FINGER_ANGLES[f][0]][k] = frame[k][2];
        double across = c * frame[k][1] - s * frame[k][0];
        for (int i = 1; i < 4; i++) axes[FINGER_ANGLES[f][i]][k] = across;
    }
    double flexion = 0.0;
    for (int i = 0; i < 3; i++) {
        flexion += angles[FINGER_ANGLES[f][i + 1]];
        double cf = cos(flexion), sf = sin(flexion);
        for (int k = 0; k < 3; k++) {
            double forward = c * frame[k][0] + s * frame[k][1];
            joints[FINGER_JOINTS[f][i + 1]][k] =
                joints[FINGER_JOINTS[f][i]][k] + offsets.lengths[f][i] * (cf * forward - sf * frame[k][2]);
        }
    }
}

static __device__ void so3_exp(const double* vector, double* out) {
    double x = vector[0], y = vector[1], z = vector[2];
    double squared = x * x + y * y + z * z, a, b;
    if (squared < 1e-12) {
        a = 1.0 - squared / 6, b = 0.5 - squared / 24;
    } else {
        double angle = sqrt(squared);
        a = sin(angle) / angle, b = (1 - cos(angle)) / squared;
    }
    double k[9] = {0.0, -z, y, z, 0.0, -x, -y, x, 0.0};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            double square = k[3 * r] * k[c] + k[3 * r + 1] * k[3 + c] + k[3 * r + 2] * k[6 + c];
            out[3 * r + c] = (r == c ? 1.0 : 0.0) + a * k[3 * r + c] + b * square;
        }
}
