using System.Collections.Immutable;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>The layers of one depth, and the piece of the model that computes their inputs from what earlier stages kept.</summary>
/// <param name="Index">Place of the stage, from 0.</param>
/// <param name="Layers">The layers measured here; their inputs have been computed with all statistics before them already replaced.</param>
/// <param name="Inputs">Values the piece reads: graph inputs, and values kept by earlier stages.</param>
/// <param name="Outputs">Values the piece computes: inputs of layers, and values that later stages read.</param>
/// <param name="Kept">Values to keep for later stages: the outputs among them, and in the first stage graph inputs too.</param>
/// <param name="Released">Kept values that no later stage reads.</param>
internal sealed record Stage(
    int Index,
    ImmutableArray<BatchNormLayer> Layers,
    ImmutableArray<Value> Inputs,
    ImmutableArray<Value> Outputs,
    ImmutableArray<Value> Kept,
    ImmutableArray<Value> Released);

/// <summary>The whole way through a model.</summary>
/// <param name="Inputs">Graph inputs that the data must supply.</param>
/// <param name="Stages">The stages, shallow to deep.</param>
internal sealed record AdaptationPlan(ImmutableArray<Value> Inputs, ImmutableArray<Stage> Stages);
