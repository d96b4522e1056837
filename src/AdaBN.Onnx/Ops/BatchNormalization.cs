namespace AdaBN.Onnx.Ops;

/// <summary>
/// Facts of the operator <c>BatchNormalization</c>: positions, attribute names and defaults.
/// Y = (X − mean) / sqrt(var + epsilon) · scale + B, per channel (axis 1); mean and variance are population statistics.
/// Source: https://onnx.ai/onnx/operators/onnx__BatchNormalization.html (versions 1, 6, 7, 9, 14, 15).
/// </summary>
public static class BatchNormalization
{
    /// <summary>The operator's name.</summary>
    public const string OpType = "BatchNormalization";

    /// <summary>Position of the data input X, shape (N, C, …) or (N, C).</summary>
    public const int DataInput = 0;

    /// <summary>Position of the scale (gamma), shape (C).</summary>
    public const int ScaleInput = 1;

    /// <summary>Position of the bias (beta), shape (C).</summary>
    public const int BiasInput = 2;

    /// <summary>Position of the running mean, shape (C).</summary>
    public const int MeanInput = 3;

    /// <summary>Position of the running variance, shape (C).</summary>
    public const int VarianceInput = 4;

    /// <summary>Number of inputs, the same in every version.</summary>
    public const int InputCount = 5;

    /// <summary>Attribute: added to the variance before the square root.</summary>
    public const string Epsilon = "epsilon";

    /// <summary>Default of <see cref="Epsilon"/>.</summary>
    public const float DefaultEpsilon = 1e-5f;

    /// <summary>Attribute of version 14 and later: 1 computes with the batch's own statistics.</summary>
    public const string TrainingMode = "training_mode";

    /// <summary>Attribute of versions 1 to 8: 0 keeps statistics for each activation instead of each channel. Gone since version 9.</summary>
    public const string Spatial = "spatial";

    /// <summary>Attribute of versions 1 and 6: 0 (its default) means training.</summary>
    public const string IsTest = "is_test";

    /// <summary>The first version without <see cref="IsTest"/>: the number of outputs tells inference (1) from training (more).</summary>
    public const int FirstVersionWithoutIsTest = 7;
}
