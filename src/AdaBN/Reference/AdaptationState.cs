using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using AdaBN.Distributed;
using AdaBN.Measurement;
using AdaBN.Onnx;

namespace AdaBN.Reference;

/// <summary>
/// The moments of the stages that are done, in a file: all it takes to go on from there, by any number of processes. What they decide follows from them again, and so do tensors
/// between stages.
/// </summary>
internal sealed class AdaptationState
{
    private static readonly VersionedJson<Content> s_json = new("adabn.state", 1, "an adaptation's state", AdaptationError.InvalidState, "'adabn adapt --state' writes one after each stage");

    private readonly string _path;
    private readonly bool _writes;
    private readonly List<ChannelMoments[]> _stages;
    private Content _content;

    private AdaptationState(string path, bool writes, Content content)
    {
        (_path, _writes, _content) = (path, writes, content);
        _stages = [.. content.Stages.Select(Decode)];
    }

    /// <summary>Stages that are done.</summary>
    public int Done => _stages.Count;

    /// <summary>What was noted of the samples; empty before stage 0 is done.</summary>
    public byte[] Notes => Convert.FromBase64String(_content.Notes);

    /// <summary>Opens the state of a run; rank 0 reads the file and tells the others.</summary>
    /// <param name="path">The file.</param>
    /// <param name="resume">Whether to go on from it; otherwise there must be none yet.</param>
    /// <param name="model">The model's hash.</param>
    /// <param name="settings">Everything else that the measurement depends on.</param>
    /// <param name="ranks">The processes, or null.</param>
    /// <param name="cancellationToken">Ends the wait for them.</param>
    /// <exception cref="AdaptationException">The file is damaged, or of another run.</exception>
    public static AdaptationState Open(string path, bool resume, string model, string settings, Ranks? ranks, CancellationToken cancellationToken)
    {
        bool isFirst = ranks is null or { Rank: 0 };
        if (!resume)
        {
            if (isFirst && File.Exists(path)) throw Invalid(path, "holds the state of a run already; resume it (--resume), or delete it");
            return new AdaptationState(path, isFirst, new Content(model, settings, null, "", [], []) { Sha256 = "" });
        }
        byte[] bytes = isFirst ? File.ReadAllBytes(path) : [];
        if (ranks is not null) bytes = ranks.Gather(writer => writer.Write(bytes), reader => reader.ReadBytes((int)reader.BaseStream.Length), cancellationToken)[0];
        using var stream = new MemoryStream(bytes);
        Content content = s_json.Read(stream, path, found => found.Sha256 != Checksum(found) ? "its checksum is another" : found.Decided.Count != found.Stages.Count ? "it is not complete" : null);
        if (content.Model != model) throw Invalid(path, $"is of another model (SHA-256 {content.Model}, expected {model})");
        if (content.Settings != settings) throw Invalid(path, $"is of a run with other settings ({content.Settings}), expected {settings}");
        try
        {
            _ = Convert.FromBase64String(content.Notes);
            return new AdaptationState(path, isFirst, content);
        }
        catch (Exception e) when (e is FormatException or EndOfStreamException or OverflowException or ArgumentException)
        {
            throw Invalid(path, "is damaged", e);
        }
    }

    /// <summary>The pooled moments of a stage's layers that is done.</summary>
    /// <exception cref="AdaptationException">They are not those of the layers.</exception>
    public IReadOnlyList<ChannelMoments> Stage(int index, IReadOnlyList<int> channels) =>
        _stages[index].Select(moments => moments.Mean.Length).SequenceEqual(channels) ? _stages[index]
            : throw Invalid(_path, string.Create(CultureInfo.InvariantCulture, $"has other layers in stage {index} than the model"));

    /// <summary>After stage 0: whether these are the samples that the state is of.</summary>
    /// <param name="fingerprint">Told by what was noted while they were read.</param>
    /// <param name="notes">What was noted.</param>
    public void CheckData(string fingerprint, byte[] notes)
    {
        if (_content.Data is { } data && data != fingerprint) throw Invalid(_path, $"is of other samples ({data}, expected {fingerprint}); give those that the run was started with");
        _content = _content with { Data = fingerprint, Notes = Convert.ToBase64String(notes) };
    }

    /// <summary>Whether a stage is decided as it was: later ones were measured behind that, and the words of a policy do not tell all of its numbers.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="digest">Of what is decided now.</param>
    public void CheckDecided(int stage, string digest)
    {
        if (_content.Decided[stage] != digest) throw Invalid(_path, string.Create(CultureInfo.InvariantCulture, $"is of a run whose policy decided otherwise in stage {stage}; give the same settings as then"));
    }

    /// <summary>Adds a stage and writes the file: complete, flushed to disk and renamed, or not at all.</summary>
    /// <param name="moments">Its layers' pooled moments.</param>
    /// <param name="digest">Of what was decided for them.</param>
    public void Commit(IReadOnlyList<ChannelMoments> moments, string digest)
    {
        _stages.Add([.. moments]);
        using var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(moments.Count);
            foreach (ChannelMoments layer in moments) MomentRecords.Write(writer, layer);
        }
        _content = _content with { Decided = [.. _content.Decided, digest], Stages = [.. _content.Stages, Convert.ToBase64String(bytes.GetBuffer().AsSpan(0, (int)bytes.Length))] };
        _content = _content with { Sha256 = Checksum(_content) };
        if (_writes) AtomicFile.Write(_path, stream => s_json.Write(_content, stream));
    }

    private static ChannelMoments[] Decode(string stage)
    {
        using var reader = new BinaryReader(new MemoryStream(Convert.FromBase64String(stage)));
        return [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => MomentRecords.Read(reader))];
    }

    private static string Checksum(Content content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', [content.Model, content.Settings, content.Data ?? "", content.Notes, .. content.Stages, .. content.Decided]))));

    private static AdaptationException Invalid(string path, string what, Exception? inner = null) => new(AdaptationError.InvalidState, $"{path} {what}.", inner);

    /// <param name="Model">SHA-256 of the model file.</param>
    /// <param name="Settings">What else measurements depend on.</param>
    /// <param name="Data">Fingerprint of the samples; null before stage 0 is done.</param>
    /// <param name="Notes">What was noted of the samples while they were read, in base64: sums that tell how alike neighbours are.</param>
    /// <param name="Stages">Of each stage that is done, its layers' moments: base64 of <see cref="MomentRecords"/>.</param>
    /// <param name="Decided">Of each of these, a digest of what was decided.</param>
    private sealed record Content(string Model, string Settings, string? Data, string Notes, IReadOnlyList<string> Stages, IReadOnlyList<string> Decided)
    {
        public string Format { get; init; } = "adabn.state";

        public int Version { get; init; } = 1;

        /// <summary>Checksum of all else.</summary>
        public required string Sha256 { get; init; }
    }
}
