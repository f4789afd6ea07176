// The hand model on a GPU, a right hand's: hand/kinematics_numba.py for T = double, hand/kinematics.py for T = float.
// Names in capitals come from tables.py, which writes them before this text. Lengths are metres, angles radians.
//
// Every loop over EACH(i, n) is shared out among the block's threads; between two that depend on each other the threads
// wait for each other. What all threads decide on is in shared memory and the same for all.

#define EACH(i, n) for (int i = threadIdx.x; i < (n); i += blockDim.x)
#define INFINITE (1e300 * 1e300)

template <typename T>
static __device__ T limited(T x, T low, T high) {
    return x < low ? low : (x > high ? high : x);
}

template <typename T>
static __device__ T norm3(T x, T y, T z) {
    return sqrt(x * x + y * y + z * z);
}

template <typename T>
struct Offsets {
    T wrist[2][3], bases[5][3], lengths[5][3];
};

template <typename T>
static __device__ void scale_finger(const T* shape, int f, Offsets<T>& offsets) {
    T hand = exp(shape[SHAPE_HAND]);
    T along = hand * exp(shape[SHAPE_PALM_LENGTH]), across = hand * exp(shape[SHAPE_PALM_WIDTH]);
    offsets.bases[f][0] = (T)BASES[f][0] * along;
    offsets.bases[f][1] = (T)BASES[f][1] * across;
    offsets.bases[f][2] = (T)BASES[f][2] * hand;
    T finger = hand * exp(shape[SHAPE_FIRST_FINGER + f]);
    for (int i = 0; i < 3; i++) offsets.lengths[f][i] = (T)LENGTHS[f][i] * finger;
    if (f == 0) offsets.lengths[0][0] = (T)LENGTHS[0][0] * hand * exp(shape[SHAPE_METACARPAL]);
}

template <typename T>
static __device__ void scale_wrist(const T* shape, Offsets<T>& offsets) {
    T hand = exp(shape[SHAPE_HAND]);
    T along = hand * exp(shape[SHAPE_PALM_LENGTH]), across = hand * exp(shape[SHAPE_PALM_WIDTH]);
    for (int i = 0; i < 2; i++) {
        offsets.wrist[i][0] = (T)WRIST[i][0] * along;
        offsets.wrist[i][1] = (T)WRIST[i][1] * across;
        offsets.wrist[i][2] = (T)WRIST[i][2] * hand;
    }
}

template <typename T>
static __device__ void turned_and_moved(const T* rotation, const T* offset, const T* origin, T* out) {
    for (int k = 0; k < 3; k++)
        out[k] = rotation[3 * k] * offset[0] + rotation[3 * k + 1] * offset[1] + rotation[3 * k + 2] * offset[2] + origin[k];
}

// Joints and axes of a finger (f < 5), or of palm and wrist (f = 5), of offsets that are scaled here. rotation (9,) of
// the palm and translation (3,) m, angles (20,) rad, shape (9,).
template <typename T>
static __device__ void place_part(
    int f, const T* rotation, const T* translation, const T* angles, const T* shape,
    Offsets<T>& offsets, T (*joints)[3], T (*axes)[3]
) {
    if (f == 5) {
        scale_wrist(shape, offsets);
        for (int k = 0; k < 3; k++) joints[0][k] = translation[k];
        for (int i = 0; i < 2; i++) turned_and_moved(rotation, offsets.wrist[i], translation, joints[1 + i]);
        return;
    }
    scale_finger(shape, f, offsets);
    T frame[3][3];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            T total = 0.0;
            for (int k = 0; k < 3; k++) total += rotation[3 * r + k] * (T)REST[f][k][c];
            frame[r][c] = total;
        }
    T bend = angles[FINGER_ANGLES[f][0]], c = cos(bend), s = sin(bend);
    turned_and_moved(rotation, offsets.bases[f], translation, joints[FINGER_JOINTS[f][0]]);
    for (int k = 0; k < 3; k++) {
        axes[FINGER_ANGLES[f][0]][k] = frame[k][2];
        T across = c * frame[k][1] - s * frame[k][0];
        for (int i = 1; i < 4; i++) axes[FINGER_ANGLES[f][i]][k] = across;
    }
    T flexion = 0.0;
    for (int i = 0; i < 3; i++) {
        flexion += angles[FINGER_ANGLES[f][i + 1]];
        T cf = cos(flexion), sf = sin(flexion);
        for (int k = 0; k < 3; k++) {
            T forward = c * frame[k][0] + s * frame[k][1];
            joints[FINGER_JOINTS[f][i + 1]][k] =
                joints[FINGER_JOINTS[f][i]][k] + offsets.lengths[f][i] * (cf * forward - sf * frame[k][2]);
        }
    }
}
