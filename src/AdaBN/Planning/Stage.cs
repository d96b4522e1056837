using System.Collections.Immutable;
using AdaBN.Discovery;
using AdaBN.Onnx;

namespace AdaBN.Planning;

/// <summary>One summand of a <see cref="Blend"/>: stored tensors, joined along the channels, normalized by a layer or taken as they are.</summary>
/// <param name="Parts">The tensors to join; a single one where the model has no Concat there.</param>
/// <param name="Layer">The adapted layer that normalizes them, or null.</param>
internal sealed record BlendTerm(ImmutableArray<Value> Parts, BatchNormLayer? Layer);

/// <summary>
/// What the engine computes itself at the head of a stage, in one pass over stored tensors: clamp(Σ terms). It stands for the
/// BatchNormalization nodes being adapted and the Add, Relu and Clip nodes right behind them.
/// </summary>
/// <param name="Output">The value it computes.</param>
/// <param name="Terms">The summands.</param>
/// <param name="Low">Lower bound; −∞ where nothing clamps.</param>
/// <param name="High">Upper bound; +∞ where nothing clamps.</param>
internal sealed record Blend(Value Output, ImmutableArray<BlendTerm> Terms, float Low, float High);

/// <summary>The layers of one depth, and all that runs after the layers before them are decided and until these can be.</summary>
/// <param name="Index">Place of the stage, from 0.</param>
/// <param name="Layers">The layers decided at the end of this stage; none in the stage of the scores.</param>
/// <param name="Blends">What the engine computes first.</param>
/// <param name="PieceInputs">Values that the stage's piece of the model reads: blends, graph inputs and stored values.</param>
/// <param name="PieceOutputs">Values it computes; empty where the stage needs no piece.</param>
/// <param name="Measured">Values among graph inputs (first stage), blends and piece outputs whose moments layers here or later need.</param>
/// <param name="Kept">Values among the same that later stages read.</param>
/// <param name="LastRead">Stored values that no later stage reads.</param>
internal sealed record Stage(
    int Index,
    ImmutableArray<BatchNormLayer> Layers,
    ImmutableArray<Blend> Blends,
    ImmutableArray<Value> PieceInputs,
    ImmutableArray<Value> PieceOutputs,
    ImmutableArray<Value> Measured,
    ImmutableArray<Value> Kept,
    ImmutableArray<Value> LastRead)
{
    /// <summary>Where the stage leads to, for messages.</summary>
    public string Goal => Layers.IsEmpty ? "the model's output" : $"layer '{Layers[0].Info.Name}'";

    /// <summary>Stored values read here, by blends and by the piece.</summary>
    public IEnumerable<Value> Stored => Blends.SelectMany(blend => blend.Terms).SelectMany(term => term.Parts)
        .Concat(PieceInputs.Where(input => !Blends.Any(blend => blend.Output == input))).Distinct();
}

/// <summary>The whole way through a model.</summary>
/// <param name="Inputs">Graph inputs that the data must supply.</param>
/// <param name="Stages">The stages, shallow to deep.</param>
/// <param name="Parts">What each layer normalizes: the tensors to join along the channels, one where no Concat feeds it.</param>
/// <param name="CanRegroup">
/// Whether every value that crosses stages holds its samples along its first axis, so that stages may run with batches of different sizes.
/// </param>
/// <param name="Scores">What the last stage computes behind all layers; null where nothing.</param>
internal sealed record AdaptationPlan(
    ImmutableArray<Value> Inputs, ImmutableArray<Stage> Stages, IReadOnlyDictionary<BatchNormLayer, ImmutableArray<Value>> Parts, bool CanRegroup, Value? Scores)
{
    /// <summary>Parts of a stage's layers that are in no later stage's.</summary>
    public IEnumerable<Value> LastMeasuredBy(Stage stage) =>
        stage.Layers.SelectMany(layer => Parts[layer]).Except(Stages.Skip(stage.Index + 1).SelectMany(later => later.Layers).SelectMany(layer => Parts[layer]));
}
