namespace AdaBN.Discovery;

/// <summary>Why a layer is not adapted, and what to do about it.</summary>
internal sealed record Refusal(string Reason, string Mend);
